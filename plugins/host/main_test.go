package host_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/plugins/builtin"
	"github.com/loraedge/loraedge/plugins/host"
	"github.com/loraedge/loraedge/plugins/sdk"
)

// The test binary is also the plugins: started with the arguments for
// built-ins it serves those, and under the name of a foreign plugin it behaves
// as the name says.
func TestMain(m *testing.M) {
	base := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	switch {
	case len(os.Args) > 1 && os.Args[1] == host.BuiltinArgs()[0]:
		builtin.Serve()
		return
	case strings.HasPrefix(base, "loraedge-"):
		_, name, _ := strings.Cut(strings.TrimPrefix(base, "loraedge-"), "-")
		foreign(name)
		return
	}
	os.Exit(m.Run())
}

// foreign is a plugin that behaves as its name says.
func foreign(name string) {
	switch name {
	case "exits":
		fmt.Fprintln(os.Stderr, "cannot find libfoo.so")
		os.Exit(3)
	case "babbles":
		fmt.Println("Hello! \x1b[31mI print before I serve.")
		time.Sleep(time.Minute)
	case "sleeps":
		time.Sleep(time.Minute)
	case "oldversion":
		fmt.Println("1|99|unix|nowhere|grpc|")
		time.Sleep(time.Minute)
	case "nobody":
		fmt.Println("1|1|unix|" + filepath.Join(os.TempDir(), "no-such-socket") + "|grpc|")
		time.Sleep(time.Minute)
	}
	if isLiar(name) {
		serveLiar(name)
		return
	}
	a := &misbehaving{name: name}
	sdk.Serve(sdk.Plugin{Architectures: []sdk.Architecture{a}, Datasets: []sdk.Dataset{reversed{name}}})
}

type misbehaving struct{ name string }

func (m *misbehaving) Describe() sdk.Family {
	f := sdk.Family{Name: m.name, Version: "1", ModelTypes: []string{m.name}}
	switch m.name {
	case "nameless":
		f.Name = "\x1b[2J"
	case "usurper":
		f.ModelTypes = []string{"llama"}
	}
	return f
}

func (m *misbehaving) Build(r sdk.Request) (*graph.Graph, error) {
	g := tiny(m.name)
	switch m.name {
	case "crashes":
		fmt.Fprintln(os.Stderr, "about to go")
		go panic("out of cheese")
		time.Sleep(time.Minute)
	case "panics":
		panic("index out of cheese")
	case "hangs":
		fmt.Println("thinking")
		time.Sleep(time.Minute)
	case "complains":
		return nil, errors.New("config.json: cheese is missing, want a string")
	case "spawns":
		child, err := os.StartProcess("/bin/sleep", []string{"sleep", "300"}, &os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}})
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("child %d", child.Pid)
	case "environment":
		return nil, errors.New(strings.Join(os.Environ(), "\n"))
	case "parent":
		return nil, fmt.Errorf("pid %d", os.Getpid())
	}
	return g, nil
}

// tiny is a model that is valid: one block, no attention.
func tiny(name string) *graph.Graph {
	m := sdk.NewModel(name, 8, 4, 16)
	m.Embedding("embed")
	b, x := m.Block("layers.0")
	b.Add(x, b.Linear(x, "proj", 4))
	b, x = m.Head()
	b.Linear(x, "head", 8)
	return m.Graph()
}

// tinyTensors are those of tiny.
func tinyTensors() []sdk.Tensor {
	return []sdk.Tensor{
		{Name: "embed.weight", Shape: []int{8, 4}, DType: "F32"},
		{Name: "layers.0.proj.weight", Shape: []int{4, 4}, DType: "F32"},
		{Name: "head.weight", Shape: []int{8, 4}, DType: "F32"},
	}
}

// reversed is a dataset whose text is turned around.
type reversed struct{ name string }

func (d reversed) Describe() sdk.DatasetType {
	return sdk.DatasetType{Name: d.name, Version: "1", Columns: []sdk.Column{{Name: "text", Required: true}}}
}

func (d reversed) Convert(r sdk.Record) (conversation.Conversation, error) {
	text, err := r.Text("text")
	if err != nil {
		return conversation.Conversation{}, err
	}
	switch text {
	case "crash":
		os.Exit(7)
	case "role":
		return conversation.Conversation{Messages: []conversation.Message{{Role: "king", Content: "no"}}}, nil
	case "empty":
		return conversation.Conversation{}, nil
	}
	var out strings.Builder
	for i := len(text) - 1; i >= 0; i-- {
		out.WriteByte(text[i])
	}
	return conversation.Conversation{Text: out.String()}, nil
}

// newHost is a host whose folders are the test's own, with foreign plugins of
// the given kinds and names ("arch-crashes"), all trusted.
func newHost(t *testing.T, o host.Options, plugins ...string) *host.Host {
	t.Helper()
	o.Self = append([]string{self(t)}, host.BuiltinArgs()...)
	if o.Folder == "" {
		o.Folder = t.TempDir()
	}
	if o.Config == "" {
		o.Config = t.TempDir()
	}
	o.Beside = t.TempDir()
	h, err := host.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	for _, name := range plugins {
		if _, err := h.Trust(install(t, o.Folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// install puts this test binary into a folder under a plugin's name.
func install(t *testing.T, folder, name string) string {
	t.Helper()
	path := filepath.Join(folder, "loraedge-"+name)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if os.Link(self(t), path) == nil {
		return path
	}
	from, err := os.Open(self(t))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
