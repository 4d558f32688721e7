package model_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/core/train"
)

// fiveBlocks is a model of five blocks with random weights, wide enough for 4 bits.
func fiveBlocks(t *testing.T) *model.Base {
	t.Helper()
	dir := t.TempDir()
	const config = `{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "rms_norm_eps": 1e-5, "max_position_embeddings": 64,
		"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 5, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 256}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := model.Open(dir, inProcess{}, 64, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// Weights that are streamed and inputs of blocks that are parked at once give
// in six steps the losses, adapters and moments of a run where all lies on the device, to the byte.
func TestTrainingThroughTheHostsMemory(t *testing.T) {
	ways := []lower.Options{{Stream: 5, Park: 4}, {Stream: 3, Park: 2}, {Stream: 4, Park: 4, Keep: 1}}
	found := fourBit(t)
	delete(found, "reference") // core/lower has it do so
	for device, d := range withVulkan(t, found) {
		for name, precision := range map[string]model.Precision{"LoRA": {}, "QLoRA": qlora} {
			for _, micros := range []int{0, 2} {
				t.Run(fmt.Sprintf("%s/%s/%d micro batches", device, name, max(micros, 1)), func(t *testing.T) {
					steps, want := trainedFive(t, d, precision, lower.Options{Micros: micros})
					if len(steps) != 6 {
						t.Fatalf("%d steps", len(steps))
					}
					for _, o := range ways {
						o.Micros = micros
						got, state := trainedFive(t, d, precision, o)
						if !reflect.DeepEqual(got, steps) {
							t.Errorf("stream %d, park %d: steps %+v, all on the device %+v", o.Stream, o.Park, got, steps)
						}
						if !bytes.Equal(state, want) {
							t.Errorf("stream %d, park %d: the adapter or its moments differ", o.Stream, o.Park)
						}
					}
				})
			}
		}
	}
}

// trainedFive trains fiveBlocks with dropout and returns its steps and the bytes of its state.
func trainedFive(t *testing.T, d backends.Backend, p model.Precision, o lower.Options) ([]train.StepEvent, []byte) {
	t.Helper()
	b := fiveBlocks(t)
	o.Train, o.Adapter = []int{goldenRows}, allLinears(0.1, false)
	if err := b.SetPrecision(&o, p, d.Describe()); err != nil {
		t.Fatal(err)
	}
	s, err := b.Start(d, o, 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tr, told := training(t, s, o.Micros, nil)
	if _, err := tr.Run(t.Context(), train.State{}); err != nil {
		t.Fatal(err)
	}
	return told.steps, state(t, told)
}
