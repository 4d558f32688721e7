package data

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/core/data/container"
	"github.com/loraedge/loraedge/core/suggest"
)

// A dataset's first records tell its type.
const (
	sampleRecords = 32
	sampleBytes   = 4 << 20
)

// fit is how well a type fits the sample.
type fit struct {
	name      string
	converted int      // records
	fields    []string // of the records that the type reads
	problem   string   // of the first record that does not fit
	at        int      // that record
	required  []string // the fields that the type cannot do without
	named     bool     // the first record has them
}

// Recognise finds the dataset type of files: of those that can convert their
// first records, the one that reads most of the records' fields. It gives the
// reason in words, and an error that lists the candidates where two fit as well.
func Recognise(f Format, s Source) (name, reason string, err error) {
	records, err := sample(s)
	if err != nil {
		return "", "", err
	}
	types, err := f.Types()
	if err != nil {
		return "", "", err
	}
	var fits []fit
	for _, t := range types {
		if unknownColumn(t, s.Columns) != "" {
			continue
		}
		one, err := tryType(f, t, s.Columns, records)
		if err != nil {
			return "", "", err
		}
		fits = append(fits, one)
	}
	if len(fits) == 0 {
		return "", "", fmt.Errorf("dataset %s: no dataset type has the columns %s; give its type", s.Name, quoted(slices.Sorted(maps.Keys(s.Columns))))
	}
	slices.SortStableFunc(fits, func(a, b fit) int {
		if d := b.converted - a.converted; d != 0 {
			return d
		}
		return len(b.fields) - len(a.fields)
	})
	best := fits[0]
	if best.converted*2 < len(records) {
		return "", "", noFit(s.Name, records, fits)
	}
	if len(fits) > 1 && fits[1].converted == best.converted && len(fits[1].fields) == len(best.fields) {
		return "", "", ambiguous(s.Name, fits)
	}
	return best.name, fmt.Sprintf("its records have %s", quoted(best.fields)), nil
}

// sample reads the first records of a source.
func sample(s Source) ([]json.RawMessage, error) {
	var records []json.RawMessage
	bytes := 0
	for _, file := range s.Files {
		err := container.Read(file, func(r container.Record) error {
			records = append(records, r.JSON)
			bytes += len(r.JSON)
			if len(records) == sampleRecords || bytes > sampleBytes {
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("dataset %s is empty: it holds no record", s.Name)
	}
	return records, nil
}

func tryType(f Format, t Type, columns map[string]string, records []json.RawMessage) (fit, error) {
	converted, err := f.Convert(t.Name, columns, records)
	if err != nil {
		return fit{}, err
	}
	one := fit{name: t.Name}
	for _, c := range t.Columns {
		if c.Required {
			one.required = append(one.required, c.in(columns))
		}
	}
	one.named = len(one.required) > 0 && hasAll(records[0], one.required)
	for i, c := range converted {
		if c.Problem != "" {
			if one.problem == "" {
				one.problem, one.at = c.Problem, i
			}
			continue
		}
		one.converted++
		fields := fieldsOf(records[i])
		for _, c := range t.Columns {
			name := c.in(columns)
			if v, ok := fields[name]; ok && string(v) != "null" && !slices.Contains(one.fields, name) {
				one.fields = append(one.fields, name)
			}
		}
	}
	return one, nil
}

// hasAll says whether a record has fields of these names.
func hasAll(record json.RawMessage, names []string) bool {
	fields := fieldsOf(record)
	for _, name := range names {
		if _, ok := fields[name]; !ok {
			return false
		}
	}
	return true
}

// in is the column's name in the records of a dataset.
func (c Column) in(columns map[string]string) string {
	return cmp.Or(columns[c.Name], c.Name)
}

// fieldsOf are a record's fields, none where it is no object.
func fieldsOf(record json.RawMessage) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(record, &fields) != nil {
		return nil
	}
	return fields
}

func ambiguous(name string, fits []fit) error {
	var text strings.Builder
	fmt.Fprintf(&text, "dataset %s: its records fit several types as well; say which is meant:", name)
	for _, f := range fits {
		if f.converted == fits[0].converted && len(f.fields) == len(fits[0].fields) {
			fmt.Fprintf(&text, "\n    type = %q reads %s", f.name, quoted(f.fields))
		}
	}
	return errors.New(text.String())
}

func noFit(name string, records []json.RawMessage, fits []fit) error {
	meant := slices.DeleteFunc(slices.Clone(fits), func(f fit) bool { return !f.named })
	if len(meant) == 1 {
		return fmt.Errorf("dataset %s: its records have the fields of the type %q, but %s:\n    %s", name, meant[0].name, meant[0].problem, shorten(records[meant[0].at]))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "dataset %s: no dataset type fits its records; the first is\n    %s\nThe types want:", name, shorten(records[0]))
	for _, f := range fits {
		wanted := f.problem
		if !f.named && len(f.required) > 0 {
			wanted = quoted(f.required)
		}
		fmt.Fprintf(&text, "\n    %-10s %s", f.name, wanted)
	}
	fmt.Fprintf(&text, "\n%s", adviceFor(records))
	return errors.New(text.String())
}

// shorten is the beginning of a record, for a person.
func shorten(record json.RawMessage) string {
	const most = 200
	if len(record) <= most {
		return string(record)
	}
	return strings.ToValidUTF8(string(record[:most]), "") + "…"
}

// CheckColumns says whether a type has the columns that a dataset maps.
func CheckColumns(dataset string, t Type, columns map[string]string) error {
	wrong := unknownColumn(t, columns)
	if wrong == "" {
		return nil
	}
	var names []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	hint := "its columns are " + quoted(names)
	if near, ok := suggest.Nearest(wrong, names); ok {
		hint = fmt.Sprintf("did you mean %q? %s", near, hint)
	} else if slices.Contains(names, columns[wrong]) {
		hint = fmt.Sprintf("the type's column comes first: %s = %q; %s", columns[wrong], wrong, hint)
	}
	return fmt.Errorf("dataset %s: columns names %q, which the type %q does not have; %s", dataset, wrong, t.Name, hint)
}

// unknownColumn is the first of the mapped columns that a type lacks.
func unknownColumn(t Type, columns map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		if !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == name }) {
			return name
		}
	}
	return ""
}

// quoted lists names: "a", "b" and "c".
func quoted(names []string) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = fmt.Sprintf("%q", n)
	}
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1]
}
