package config

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// decoder fills a Config from the tree of values and collects every mistake.
type decoder struct {
	root *node
	dir  string // where relative paths begin
	errs Errors
	// given are the keys that are set, by full name.
	given map[string]*node
	// meant is what unknown keys most likely mean. That is not reported
	// missing on top.
	meant map[meaning]bool
}

// meaning is the full name of a key or table, and, for a key found in its own
// [[datasets]] entry, that entry.
type meaning struct {
	key   string
	entry *node
}

func (d *decoder) fail(e Error) { d.errs = append(d.errs, e) }

func (d *decoder) decode(c *Config) {
	config := reflect.ValueOf(c).Elem()
	d.table(tableNamed(""), d.root, config)
	for i := range tables {
		t := &tables[i]
		n := d.root.table[t.Name]
		if t.Name == "" || n == nil {
			continue
		}
		switch {
		case t.List:
			d.datasets(t, n, field(config, t.Name).Addr().Interface().(*[]Dataset))
		case n.table == nil:
			d.fail(n.keyErrorf("begin it with a line "+t.header(), "%s is a table, found %s", t.Name, foundAsTable(n)))
			d.meant[meaning{key: t.Name}] = true
		default:
			d.table(t, n, field(config, t.Name))
		}
	}
	d.required()
}

// required reports missing keys, when all unknown ones are known.
func (d *decoder) required() {
	for i := range tables {
		t := &tables[i]
		n := d.root.find(t.Name)
		if n == nil {
			continue
		}
		entries := []*node{n}
		if t.List {
			entries = n.list
		}
		for _, entry := range entries {
			for _, k := range t.Keys {
				name := t.fullName(k.Name)
				if k.Required && entry.table != nil && entry.table[k.Name] == nil &&
					!d.meant[meaning{key: name}] && !d.meant[meaning{name, entry}] {
					d.missing(t, &k, entry)
				}
			}
		}
	}
}

// datasets reads an array of tables.
func (d *decoder) datasets(t *Table, n *node, into *[]Dataset) {
	if n.list == nil || slices.ContainsFunc(n.list, func(item *node) bool { return item.table == nil }) {
		d.fail(n.keyErrorf("begin each with a line "+t.header(), "%s is a list of tables, found %s", t.Name, foundAsTable(n)))
		d.meant[meaning{key: t.Name}] = true
		return
	}
	all := make([]Dataset, len(n.list))
	for i, item := range n.list {
		all[i] = newDataset(t)
		d.table(t, item, reflect.ValueOf(&all[i]).Elem())
	}
	*into = all
}

func foundAsTable(n *node) string {
	switch {
	case n.table != nil:
		return "the single table [" + n.src.text[n.key.start+n.src.shift:n.key.end+n.src.shift] + "]"
	case len(n.list) > 0 && n.list[0].table != nil:
		return "a list of tables"
	}
	return n.found()
}

// table reads the keys of one table.
func (d *decoder) table(t *Table, n *node, into reflect.Value) {
	for _, name := range slices.Sorted(maps.Keys(n.table)) {
		value := n.table[name]
		if t.Name == "" && name != "" && tableNamed(name) != nil {
			continue
		}
		k := t.key(name)
		if k == nil {
			d.unknown(t, n, name, value)
			continue
		}
		d.given[t.fullName(name)] = value
		if isUnavailable(t.fullName(name), value) {
			d.fail(value.errorf(unavailableHint(t.fullName(name), k),
				"%s = %s is not available in this version of loraedge", name, value.text()))
			continue
		}
		d.assign(t, k, field(into, name).Addr().Interface(), value)
	}
}

func (d *decoder) missing(t *Table, k *Key, n *node) {
	hint := fmt.Sprintf("add %s = %s: %s", k.Name, k.Example, strings.ReplaceAll(k.Doc, "`", ""))
	if t.Name == "" {
		d.fail(d.root.src.errorAt(span{}, k.Name+" is missing", hint))
		return
	}
	d.fail(n.errorf(hint, "%s has no %s", t.header(), k.Name))
}

// assign stores a value in the field of its key, or says why it cannot.
func (d *decoder) assign(t *Table, k *Key, into any, n *node) {
	wrong := n
	ok := false
	switch f := into.(type) {
	case *bool:
		*f, ok = n.value.(bool)
	case *int:
		var v int64
		v, ok = n.value.(int64)
		*f, ok = int(v), ok && k.Range.holds(float64(v))
	case *int64:
		*f, ok = n.value.(int64)
		ok = ok && k.Range.holds(float64(*f))
	case *float64:
		*f, ok = number(n.value)
		ok = ok && k.Range.holds(*f)
	case *string:
		*f, ok = n.value.(string)
		ok = ok && *f != "" && (k.Allowed == nil || slices.Contains(k.Allowed, *f))
	case *[]string:
		*f, wrong = texts(n, k)
		ok = wrong == nil
	case *[]Path:
		*f, wrong = paths(n, d.dir)
		ok = wrong == nil
	case *Pins:
		*f, wrong = pins(n)
		ok = wrong == nil
	case setting:
		ok = f.read(n, d.dir)
	}
	if ok {
		return
	}
	if wrong != n {
		d.fail(wrong.errorf(d.valueHint(k, into, wrong), "each of %s must be %s, found %s", k.Name, entryWants(k, into), wrong.found()))
		return
	}
	d.fail(n.errorf(d.valueHint(k, into, n), "%s must be %s, found %s", k.Name, wants(t, k, into), n.found()))
}

// number takes a TOML integer for a float too.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return math.NaN(), false
}

// texts reads a list of strings; wrong is the entry that is none, or n.
func texts(n *node, k *Key) (list []string, wrong *node) {
	if n.list == nil || k.Range != nil && !k.Range.holds(float64(len(n.list))) {
		return nil, n
	}
	list = []string{}
	for _, item := range n.list {
		s, ok := item.value.(string)
		if !ok || s == "" || k.Allowed != nil && !slices.Contains(k.Allowed, s) {
			return nil, item
		}
		list = append(list, s)
	}
	return list, nil
}

// paths reads a list of paths; wrong is the entry that is none, or n.
func paths(n *node, dir string) (list []Path, wrong *node) {
	if n.list == nil {
		return nil, n
	}
	list = []Path{}
	for _, item := range n.list {
		var p Path
		if !p.read(item, dir) {
			return nil, item
		}
		list = append(list, p)
	}
	return list, nil
}

// pins reads a table of sums by plugin name; wrong is the entry that is no
// sum, or n.
func pins(n *node) (sums Pins, wrong *node) {
	if n.table == nil {
		return nil, n
	}
	sums = Pins{}
	for _, name := range slices.Sorted(maps.Keys(n.table)) {
		sum, _ := n.table[name].value.(string)
		if !sha256Sum.MatchString(sum) {
			return nil, n.table[name]
		}
		sums[name] = strings.ToLower(sum)
	}
	return sums, nil
}

// wants says what a key may hold.
func wants(t *Table, k *Key, into any) string {
	switch f := into.(type) {
	case *bool:
		return "true or false"
	case *int, *int64:
		return k.Range.of("a whole number")
	case *float64:
		return k.Range.of("a number")
	case *string:
		if k.Allowed != nil {
			return oneOf(availableValues(t.fullName(k.Name), k))
		}
		return "a string in quotes"
	case *[]string:
		list := "a list of strings"
		if k.Allowed != nil {
			list = "a list of " + oneOf(k.Allowed)
		}
		if k.Range != nil && k.Range.Min > 0 {
			list += ", with at least " + strconv.Itoa(int(k.Range.Min)) + " entry"
		}
		return list
	case *[]Path:
		return "a list of paths"
	case *Pins:
		return "a table of plugin names and their SHA-256 sums, 64 hexadecimal digits each"
	case setting:
		return f.wants()
	}
	return fmt.Sprintf("a %T", into)
}

// entryWants says what each entry of a key's list or table may be.
func entryWants(k *Key, into any) string {
	switch into.(type) {
	case *[]Path:
		return (&Path{}).wants()
	case *Pins:
		return "a SHA-256 sum, 64 hexadecimal digits in quotes"
	}
	if k.Allowed != nil {
		return oneOf(k.Allowed)
	}
	return "a string in quotes, not empty"
}

// field is the struct's field of a key or table.
func field(of reflect.Value, name string) reflect.Value {
	for i := range of.NumField() {
		if of.Type().Field(i).Tag.Get("json") == name {
			return of.Field(i)
		}
	}
	return reflect.Value{}
}

// defaults is a lora.toml of all defaults; the one entry of each list of tables
// holds those of every entry.
var defaults = sync.OnceValue(func() *node {
	var b strings.Builder
	for i := range tables {
		t := &tables[i]
		if t.Name != "" {
			fmt.Fprintln(&b, t.header())
		}
		for _, k := range t.Keys {
			if k.Default != "" {
				fmt.Fprintln(&b, k.Name, "=", k.Default)
			}
		}
	}
	root, errs := readTree("defaults", []byte(b.String()))
	if errs != nil {
		panic(errs) // a default in keys.go is no TOML
	}
	return root
})

// newConfig has every default and no dataset.
// Default is the configuration of a file without any key but those required.
func Default() *Config { return newConfig() }

func newConfig() *Config {
	c := &Config{TestDatasets: []Dataset{}}
	for i := range tables {
		if t := &tables[i]; t.Name == "" {
			setDefaults(t, defaults(), reflect.ValueOf(c).Elem())
		} else if !t.List {
			setDefaults(t, defaults().table[t.Name], field(reflect.ValueOf(c).Elem(), t.Name))
		}
	}
	return c
}

func newDataset(t *Table) Dataset {
	var ds Dataset
	setDefaults(t, defaults().table[t.Name].list[0], reflect.ValueOf(&ds).Elem())
	return ds
}

func setDefaults(t *Table, n *node, into reflect.Value) {
	d := &decoder{root: n}
	for i := range t.Keys {
		k := &t.Keys[i]
		if value := n.table[k.Name]; value != nil {
			d.assign(t, k, field(into, k.Name).Addr().Interface(), value)
		}
	}
	if len(d.errs) > 0 {
		panic(d.errs) // a default in keys.go does not pass its own check
	}
}
