package container

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"
)

// The files of testdata and what pyarrow reads of them are written by
// tools/oracle/parquet.py, and many more into a folder that the environment may name: every
// codec, encoding and page version, null at every level, several row groups.
func TestParquetReadsWhatPyarrowReads(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(paths) == 0 {
		t.Fatal("no files", err)
	}
	if folder := os.Getenv("PARQUET_MATRIX"); folder != "" {
		more, err := filepath.Glob(filepath.Join(folder, "*.parquet"))
		if err != nil || len(more) == 0 {
			t.Fatal("no files in ", folder, err)
		}
		paths = append(paths, more...)
	}
	for _, path := range paths {
		text, err := os.ReadFile(strings.TrimSuffix(path, ".parquet") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		want, got := []any{}, []any{}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		err = Read(path, func(r Record) error {
			var v any
			if err := json.Unmarshal(r.JSON, &v); err != nil {
				return err
			}
			got = append(got, v)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: pyarrow (-), this package (+):\n%s", path, diff)
		}
	}
}

// written is the Parquet file of one row group whose columns, one after the
// other, have these values and levels.
func written(t *testing.T, fields schema.FieldList, columns []levelled, options ...parquet.WriterProperty) []byte {
	t.Helper()
	root, err := schema.NewGroupNode("root", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, root, file.WithWriterProps(parquet.NewWriterProperties(options...)))
	group, err := w.AppendRowGroupChecked()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		column, err := group.NextColumn()
		if err != nil {
			t.Fatal(err)
		}
		switch column := column.(type) {
		case *file.ByteArrayColumnChunkWriter:
			values := make([]parquet.ByteArray, len(c.text))
			for i, s := range c.text {
				values[i] = parquet.ByteArray(s)
			}
			_, err = column.WriteBatch(values, c.defined, c.repeats)
		case *file.Int64ColumnChunkWriter:
			_, err = column.WriteBatch(c.numbers, c.defined, c.repeats)
		default:
			t.Fatalf("no values for a %T", column)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := column.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// levelled are a column's values and levels.
type levelled struct {
	text             []string
	numbers          []int64
	defined, repeats []int16
}

func stringNode(name string, r parquet.Repetition) schema.Node {
	return schema.MustPrimitive(schema.NewPrimitiveNodeLogical(name, r, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1))
}

func groupNode(name string, r parquet.Repetition, fields ...schema.Node) schema.Node {
	return schema.MustGroup(schema.NewGroupNode(name, r, fields, -1))
}

func listNodeOf(name string, r parquet.Repetition, element schema.Node) schema.Node {
	return schema.MustGroup(schema.NewGroupNodeLogical(name, r, schema.FieldList{element}, schema.ListLogicalType{}, -1))
}

// Lists of all forms that the format's backward-compatibility rules name.
func TestParquetOldLists(t *testing.T) {
	const required, optional, repeated = 0, 1, 2
	content := written(t, schema.FieldList{
		stringNode("a_repeated", repeated),
		listNodeOf("b_leaf", optional, stringNode("element", repeated)),
		listNodeOf("c_struct", required, groupNode("element", repeated, stringNode("x", required), schema.NewInt64Node("y", optional, -1))),
		listNodeOf("d_array", required, groupNode("array", repeated, stringNode("x", required))),
		groupNode("e_no_list", required, groupNode("only", repeated, stringNode("x", required))),
	}, []levelled{
		{text: []string{"p", "q"}, defined: []int16{1, 1, 0}, repeats: []int16{0, 1, 0}},
		{text: []string{"r", "s"}, defined: []int16{2, 2, 0}, repeats: []int16{0, 1, 0}},
		{text: []string{"t", "u"}, defined: []int16{1, 1, 0}, repeats: []int16{0, 1, 0}},
		{numbers: []int64{7}, defined: []int16{2, 1, 0}, repeats: []int16{0, 1, 0}},
		{text: []string{"v"}, defined: []int16{1, 0}, repeats: []int16{0, 0}},
		{text: []string{"w"}, defined: []int16{1, 0}, repeats: []int16{0, 0}},
	})
	got, err := readAll(write(t, "a.parquet", content))
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
