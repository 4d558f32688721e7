package container

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// testdata/nested.parquet and what pyarrow reads of it are written by
// tools/oracle/parquet.py: lists of structs, null at every level, maps, dictionaries, several row
// groups.
func TestParquetReadsWhatPyarrowReads(t *testing.T) {
	for _, name := range []string{"nested", "plain"} {
		text, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var want, got []any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		err = Read("testdata/"+name+".parquet", func(r Record) error {
			var v any
			if err := json.Unmarshal(r.JSON, &v); err != nil {
				return err
			}
			got = append(got, v)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: pyarrow (-), this package (+):\n%s", name, diff)
		}
	}
}

// oldList is a list as older programs wrote it: without a group around the elements.
type oldList struct{ parquet.Group }

func (oldList) Type() parquet.Type { return parquet.List(parquet.String()).Type() }

// Lists of all forms that the format's backward-compatibility rules name.
func TestParquetOldLists(t *testing.T) {
	schema := parquet.NewSchema("old", parquet.Group{
		"a_repeated": parquet.Repeated(parquet.String()),
		"b_leaf":     parquet.Optional(oldList{parquet.Group{"element": parquet.Repeated(parquet.String())}}),
		"c_struct":   oldList{parquet.Group{"element": parquet.Repeated(parquet.Group{"x": parquet.String(), "y": parquet.Optional(parquet.Int(64))})}},
		"d_array":    oldList{parquet.Group{"array": parquet.Repeated(parquet.Group{"x": parquet.String()})}},
		"e_no_list":  parquet.Group{"only": parquet.Repeated(parquet.Group{"x": parquet.String()})},
	})
	text := func(s string) parquet.Value { return parquet.ValueOf(s) }
	null := parquet.Value{}
	rows := []parquet.Row{
		{
			text("p").Level(0, 1, 0), text("q").Level(1, 1, 0),
			text("r").Level(0, 2, 1), text("s").Level(1, 2, 1),
			text("t").Level(0, 1, 2), text("u").Level(1, 1, 2), parquet.ValueOf(int64(7)).Level(0, 2, 3), null.Level(1, 1, 3),
			text("v").Level(0, 1, 4), text("w").Level(0, 1, 5),
		},
		{null.Level(0, 0, 0), null.Level(0, 0, 1), null.Level(0, 0, 2), null.Level(0, 0, 3), null.Level(0, 0, 4), null.Level(0, 0, 5)},
	}
	var file bytes.Buffer
	w := parquet.NewWriter(&file, schema)
	if _, err := w.WriteRows(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := readAll(write(t, "a.parquet", file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`a.parquet (record 1) {"a_repeated":["p","q"],"b_leaf":["r","s"],"c_struct":[{"x":"t","y":7},{"x":"u","y":null}],"d_array":[{"x":"v"}],"e_no_list":{"only":[{"x":"w"}]}}`,
		`a.parquet (record 2) {"a_repeated":[],"b_leaf":null,"c_struct":[],"d_array":[],"e_no_list":{"only":[]}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
}

// A file with any byte changed or its end missing gives records or an error.
func TestParquetDamaged(t *testing.T) {
	whole, err := os.ReadFile("testdata/nested.parquet")
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := 0; i < len(whole); i += 31 {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0xff
		if _, err := readAll(write(t, "a.parquet", damaged)); err != nil {
			failed++
		}
		if _, err := readAll(write(t, "a.parquet", whole[:i])); err == nil {
			t.Errorf("the first %d bytes read as a whole file", i)
		}
	}
	if failed == 0 {
		t.Error("no damage was noticed")
	}
}

func TestParquetKeepsTheOrderOfColumns(t *testing.T) {
	records, err := readAll("testdata/nested.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if want := `nested.parquet (record 1) {"messages":[{"role":`; !strings.HasPrefix(records[0], want) {
		t.Errorf("the first record is %s, wanted it to begin %s", records[0], want)
	}
}
