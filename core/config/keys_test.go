package config

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// structs are the Config structs that hold the keys of each table.
func structs() map[string]reflect.Value {
	config := reflect.ValueOf(newConfig()).Elem()
	all := map[string]reflect.Value{}
	for i := range tables {
		switch t := &tables[i]; {
		case t.List:
			all[t.Name] = reflect.ValueOf(&Dataset{}).Elem()
		case t.Name != "":
			all[t.Name] = field(config, t.Name)
		default:
			all[""] = config
		}
	}
	return all
}

func TestTableOfKeysAndConfigAgree(t *testing.T) {
	for name, s := range structs() {
		table := tableNamed(name)
		for _, k := range table.Keys {
			f := field(s, k.Name)
			if !f.IsValid() {
				t.Errorf("%s has no field in Config", table.fullName(k.Name))
				continue
			}
			if w := wants(table, &k, f.Addr().Interface()); strings.HasPrefix(w, "a *") {
				t.Errorf("%s: no rule reads a field of type %s", table.fullName(k.Name), f.Type())
			}
			if k.Doc == "" {
				t.Errorf("%s has no documentation", table.fullName(k.Name))
			}
		}
		for i := range s.NumField() {
			key := s.Type().Field(i).Tag.Get("json")
			if table.key(key) == nil && (name != "" || tableNamed(key) == nil) {
				t.Errorf("field %s of %s has no key", s.Type().Field(i).Name, s.Type())
			}
		}
	}
}

func TestUnavailableNamesRealKeysAndValues(t *testing.T) {
	for _, u := range unavailable {
		table, name := splitKey(u.Key)
		k := tableNamed(table).key(name)
		if k == nil {
			t.Errorf("%s is no key", u.Key)
			continue
		}
		if s, ok := u.Value.(string); ok && !slices.Contains(k.Allowed, s) {
			t.Errorf("%s never allows %q", u.Key, s)
		}
	}
}

func TestOtherNamesLeadToOurs(t *testing.T) {
	ours := map[string]bool{}
	for i := range tables {
		for _, k := range tables[i].Keys {
			ours[k.Name] = true
			for _, v := range k.Allowed {
				ours[v] = true
			}
		}
	}
	for _, t := range builtinDatasets {
		ours[t] = true
	}
	for other, name := range otherNames {
		if !ours[name] || ours[other] {
			t.Errorf("%s → %s: the first must not be ours, the second must", other, name)
		}
	}
}

func TestDocumentIsUpToDate(t *testing.T) {
	page, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != Document() {
		t.Error("docs/config.md is out of date: run go generate ./core/config")
	}
}
