// Command randommodel writes a Hugging Face folder of any size with random
// weights in bfloat16, to try the program on shapes whose weights cannot be had:
//
//	go run ./tools/randommodel -config config.json -tokenizer MODEL -out OUT
//
// config.json is a real model's; the tokenizer is copied from the folder MODEL
// (its ids must be in the vocabulary of config.json). Weights are normal with a
// deviation of 0.02, norms 1, from a fixed seed.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/huggingface"
	"github.com/loraedge/loraedge/formats/safetensors"
	"github.com/loraedge/loraedge/plugins/builtin"
	"github.com/loraedge/loraedge/plugins/sdk"
)

func main() {
	config := flag.String("config", "", "a model's config.json")
	text := flag.String("tokenizer", "", "a model folder with a tokenizer")
	out := flag.String("out", "", "the folder to write")
	flag.Parse()
	if err := write(*config, *text, *out); err != nil {
		fmt.Fprintln(os.Stderr, "randommodel:", err)
		os.Exit(1)
	}
}

func write(configPath, textFrom, out string) error {
	config, err := os.ReadFile(configPath)
	if err != nil {
		return err
	}
	g, err := build(config)
	if err != nil {
		return err
	}
	var sources []safetensors.Source
	for i, p := range g.Params {
		n := 1
		for _, d := range p.Shape {
			n *= d
		}
		sources = append(sources, safetensors.Source{
			Name: p.Tensor, DType: dtype.BF16, Shape: p.Shape, Stream: &weights{n, len(p.Shape) == 1, uint64(i)},
		})
	}
	return huggingface.Write(out, config, sources, huggingface.WriteOptions{TextFrom: textFrom})
}

// build is the graph of a model that has no weights yet.
func build(config []byte) (*graph.Graph, error) {
	var about struct {
		ModelType string `json:"model_type"`
	}
	if err := json.Unmarshal(config, &about); err != nil {
		return nil, err
	}
	for _, a := range builtin.Plugin().Architectures {
		if a.Describe().Name == about.ModelType {
			return a.Build(sdk.Request{Family: about.ModelType, Config: config, SequenceLen: 2048})
		}
	}
	return nil, fmt.Errorf("no built-in architecture %q", about.ModelType)
}

// weights are n random elements, or n ones.
type weights struct {
	n    int
	ones bool
	seed uint64
}

// table is as many normal numbers as sixteen random bits choose from: drawing
// each element anew would take minutes for billions.
const tableBits = 16

func (w *weights) WriteTo(to io.Writer) (int64, error) {
	r := rand.New(rand.NewPCG(7, w.seed))
	var table [1 << tableBits]uint16
	for i := range table {
		table[i] = dtype.Float32ToBF16(float32(0.02 * r.NormFloat64()))
		if w.ones {
			table[i] = dtype.Float32ToBF16(1)
		}
	}
	b := bufio.NewWriterSize(to, 1<<20)
	var four [8]byte
	for left := w.n; left > 0; left -= 4 {
		bits := r.Uint64()
		for k := range 4 {
			binary.LittleEndian.PutUint16(four[2*k:], table[bits>>(tableBits*k)&(1<<tableBits-1)])
		}
		if _, err := b.Write(four[:2*min(left, 4)]); err != nil {
			return 0, err
		}
	}
	return int64(2 * w.n), b.Flush()
}
