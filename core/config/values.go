package config

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// setting is a field type that reads its own TOML value. read reports
// whether the value is one that wants describes; dir is the folder of the file.
type setting interface {
	wants() string
	read(n *node, dir string) bool
}

// embeddedPrefix begins the paths of what the binary itself carries.
const embeddedPrefix = "embedded:"

// Path is a file or folder. Text is what lora.toml says, for messages; Name
// is what to open: relative to lora.toml's folder resolved, "~/" expanded,
// "embedded:…" as it is.
type Path struct {
	Text string
	Name string
}

// String is the name to open.
func (p Path) String() string { return p.Name }

// Embedded reports whether the path is of something inside the binary.
func (p Path) Embedded() bool { return strings.HasPrefix(p.Name, embeddedPrefix) }

// MarshalJSON writes the name to open.
func (p Path) MarshalJSON() ([]byte, error) { return json.Marshal(p.Name) }

func (p *Path) wants() string { return "a path in quotes" }

func (p *Path) read(n *node, dir string) bool {
	text, ok := n.value.(string)
	if !ok || text == "" {
		return false
	}
	*p = Path{Text: text, Name: resolve(text, dir)}
	return true
}

func resolve(path, dir string) string {
	if strings.HasPrefix(path, embeddedPrefix) {
		return path
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// TargetModules are the linears that get an adapter: all of the blocks (not
// the output head), or those whose name or last name parts are listed.
type TargetModules struct {
	AllLinear bool
	Names     []string
}

const allLinear = "all-linear"

// MarshalJSON writes "all-linear" or the list.
func (t TargetModules) MarshalJSON() ([]byte, error) {
	if t.AllLinear {
		return json.Marshal(allLinear)
	}
	return json.Marshal(t.Names)
}

func (t *TargetModules) wants() string {
	return `"all-linear" or a list of module names such as ["q_proj", "v_proj"]`
}

func (t *TargetModules) read(n *node, _ string) bool {
	if n.value == allLinear {
		*t = TargetModules{AllLinear: true}
		return true
	}
	names := make([]string, 0, len(n.list))
	for _, item := range n.list {
		name, ok := item.value.(string)
		if !ok || name == "" {
			return false
		}
		names = append(names, name)
	}
	*t = TargetModules{Names: names}
	return len(names) > 0
}

// ValSetSize is the part of the records kept for evaluation: a Fraction in
// (0, 1) or a Count of records. Both zero: none.
type ValSetSize struct {
	Fraction float64
	Count    int
}

// None reports whether no record is kept for evaluation.
func (v ValSetSize) None() bool { return v.Fraction == 0 && v.Count == 0 }

// MarshalJSON writes the fraction or the count.
func (v ValSetSize) MarshalJSON() ([]byte, error) {
	if v.Fraction > 0 {
		return json.Marshal(v.Fraction)
	}
	return json.Marshal(v.Count)
}

func (v *ValSetSize) wants() string {
	return "a fraction between 0 and 1 or a whole number of records, 0 for none"
}

func (v *ValSetSize) read(n *node, _ string) bool {
	switch x := n.value.(type) {
	case int64:
		*v = ValSetSize{Count: int(x)}
		return x >= 0 && x <= math.MaxInt32
	case float64:
		*v = ValSetSize{Fraction: x}
		return x >= 0 && x < 1
	}
	return false
}

// ChatTemplate is how a conversation becomes text: by a template known by
// Name, or by the Jinja template in File. Own is which of the model's templates "tokenizer" means, where it has
// several; "" is its default.
type ChatTemplate struct {
	Name, Own string
	File      Path
}

// chatTemplates are the templates known by name; "tokenizer" is the model's own.
var chatTemplates = []string{"tokenizer", "alpaca", "chatml", "llama3", "mistral"}

// ownTemplate begins the name of one of several templates of the model's own.
const ownTemplate = "tokenizer:"

// MarshalJSON writes the name or the file's path.
func (t ChatTemplate) MarshalJSON() ([]byte, error) {
	switch {
	case t.Own != "":
		return json.Marshal(ownTemplate + t.Own)
	case t.Name != "":
		return json.Marshal(t.Name)
	}
	return json.Marshal(t.File)
}

func (t *ChatTemplate) wants() string {
	return oneOf(chatTemplates) + `, "tokenizer:NAME" for another of the model's own, or the path of a Jinja file`
}

func (t *ChatTemplate) read(n *node, dir string) bool {
	text, _ := n.value.(string)
	for _, name := range chatTemplates {
		if text == name {
			*t = ChatTemplate{Name: name}
			return true
		}
	}
	if own, ok := strings.CutPrefix(text, ownTemplate); ok {
		*t = ChatTemplate{Name: "tokenizer", Own: own}
		return own != ""
	}
	// A bare word is a misspelt name rather than a file.
	if !strings.ContainsAny(text, `./\`) {
		return false
	}
	*t = ChatTemplate{}
	return t.File.read(n, dir)
}

// DatasetType names a dataset plugin, built in or not. Whether there is one
// of that name is for the plugin host to say.
type DatasetType string

// builtinDatasets are the types that the binary brings; others come from plugins.
var builtinDatasets = []string{"alpaca", "sharegpt", "messages", "completion", "prompt", "preference", "kto"}

var pluginName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

func (t *DatasetType) wants() string {
	return oneOf(builtinDatasets) + ", or the name of a dataset plugin (a-z, 0-9, - and _)"
}

func (t *DatasetType) read(n *node, _ string) bool {
	name, _ := n.value.(string)
	*t = DatasetType(name)
	return pluginName.MatchString(name)
}

// Columns are a dataset type's columns and the records' own names of them.
// Which columns a type has is for its plugin to say.
type Columns map[string]string

func (c *Columns) wants() string {
	return `a table of the type's columns and the records' own names, such as { instruction = "question", output = "answer" }`
}

func (c *Columns) read(n *node, _ string) bool {
	*c = Columns{}
	for name, value := range n.table {
		own, ok := value.value.(string)
		if !ok || own == "" || name == "" {
			return false
		}
		(*c)[name] = own
	}
	return n.table != nil
}

// PreparedPath is where tokenised data is kept: in the user's cache folder
// (Auto), nowhere (None), or in Folder.
type PreparedPath struct {
	Auto, None bool
	Folder     Path
}

// MarshalJSON writes "auto", "none" or the folder.
func (p PreparedPath) MarshalJSON() ([]byte, error) {
	switch {
	case p.Auto:
		return json.Marshal("auto")
	case p.None:
		return json.Marshal("none")
	}
	return json.Marshal(p.Folder)
}

func (p *PreparedPath) wants() string { return `"auto", "none" or the path of a folder` }

func (p *PreparedPath) read(n *node, dir string) bool {
	*p = PreparedPath{Auto: n.value == "auto", None: n.value == "none"}
	return p.Auto || p.None || p.Folder.read(n, dir)
}

// DeviceChoice picks a device of the backend: by Name (a part of it), or by
// Index from 0. Auto leaves it to the program.
type DeviceChoice struct {
	Auto  bool
	Name  string
	Index int // -1 where a name is given
}

// MarshalJSON writes "auto", the name or the index.
func (d DeviceChoice) MarshalJSON() ([]byte, error) {
	switch {
	case d.Auto:
		return json.Marshal("auto")
	case d.Name != "":
		return json.Marshal(d.Name)
	}
	return json.Marshal(d.Index)
}

func (d *DeviceChoice) wants() string { return `"auto", a device's name or its number from 0` }

func (d *DeviceChoice) read(n *node, _ string) bool {
	switch v := n.value.(type) {
	case string:
		*d = DeviceChoice{Auto: v == "auto", Name: v, Index: -1}
		if d.Auto {
			d.Name = ""
		}
		return v != ""
	case int64:
		*d = DeviceChoice{Index: int(v)}
		return v >= 0 && v < 1<<16
	}
	return false
}

// Memory is the budget of a run: Bytes, or what the device has.
type Memory struct {
	Auto  bool
	Bytes int64
}

// MarshalJSON writes "auto" or the number of bytes.
func (m Memory) MarshalJSON() ([]byte, error) {
	if m.Auto {
		return json.Marshal("auto")
	}
	return json.Marshal(m.Bytes)
}

var (
	byteSize  = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([KMGT]i?B|B)$`)
	byteUnits = map[string]float64{
		"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}
)

func (m *Memory) wants() string { return `"auto" or a size such as "8GiB" or "512MiB"` }

func (m *Memory) read(n *node, _ string) bool {
	text, _ := n.value.(string)
	if text == "auto" {
		*m = Memory{Auto: true}
		return true
	}
	parts := byteSize.FindStringSubmatch(text)
	if parts == nil {
		return false
	}
	number, err := strconv.ParseFloat(parts[1], 64)
	bytes := number * byteUnits[parts[2]]
	if err != nil || bytes < 1 || bytes >= 1<<60 {
		return false
	}
	*m = Memory{Bytes: int64(bytes)}
	return true
}

// AutoBool is yes, no, or the program's choice.
type AutoBool string

// The values of AutoBool.
const (
	Auto AutoBool = "auto"
	On   AutoBool = "true"
	Off  AutoBool = "false"
)

// MarshalJSON writes "auto", true or false.
func (b AutoBool) MarshalJSON() ([]byte, error) {
	if b == Auto {
		return json.Marshal(string(b))
	}
	return json.Marshal(b == On)
}

func (b *AutoBool) wants() string { return `true, false or "auto"` }

func (b *AutoBool) read(n *node, _ string) bool {
	switch n.value {
	case true:
		*b = On
	case false:
		*b = Off
	case string(Auto):
		*b = Auto
	default:
		return false
	}
	return true
}

// Pins are SHA-256 sums, in lower-case hexadecimal, by plugin name.
type Pins map[string]string

var sha256Sum = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// oneOf lists allowed strings: "a", "b" or "c".
func oneOf(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = fmt.Sprintf("%q", v)
	}
	last := len(quoted) - 1
	if last <= 0 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}
