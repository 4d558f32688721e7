package container

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
