package rope_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/plugins/sdk"
	"github.com/loraedge/loraedge/plugins/sdk/rope"
)

// A power in float32 may differ from torch's by its last bit, and what is made
// of it by a few.
const tolerance = 4e-7

func TestAsTransformers(t *testing.T) {
	data, err := os.ReadFile("testdata/frequencies.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name            string          `json:"name"`
		Config          json.RawMessage `json:"config"`
		SequenceLen     int             `json:"sequence_len"`
		InvFreq         []float64       `json:"inv_freq"`
		AttentionFactor float64         `json:"attention_factor"`
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			config, err := sdk.ParseConfig(c.Config)
			if err != nil {
				t.Fatal(err)
			}
			headDim := config.IntOr("head_dim", config.Int("hidden_size")/config.Int("num_attention_heads"))
			got := rope.Read(config, headDim, 10000, c.SequenceLen)
			if err := config.Err(); err != nil {
				t.Fatal(err)
			}
			if len(got.InvFreq) != len(c.InvFreq) {
				t.Fatalf("%d frequencies, want %d", len(got.InvFreq), len(c.InvFreq))
			}
			for i, want := range c.InvFreq {
				if math.Abs(float64(got.InvFreq[i])-want) > tolerance*want {
					t.Errorf("frequency %d is %v, want %v", i, got.InvFreq[i], want)
				}
			}
			if math.Abs(float64(got.AttentionFactor)-c.AttentionFactor) > 1e-7*c.AttentionFactor {
				t.Errorf("attention factor is %v, want %v", got.AttentionFactor, c.AttentionFactor)
			}
		})
	}
}

func TestErrorsNameTheKey(t *testing.T) {
	for _, c := range []struct{ keys, want string }{
		{`"rope_theta": 0`, "config.json: rope_theta is 0, want a number above 0"},
		{`"rope_theta": "big"`, `rope_theta is "big", want a number`},
		{`"rope_scaling": 3`, "rope_scaling is 3, want an object"},
		{`"rope_scaling": {"rope_type": "swirl"}`, `rope_scaling.rope_type is "swirl", want one of "default", "dynamic", "linear", "llama3", "longrope", "yarn"`},
		{`"rope_scaling": {"type": "linear"}`, "rope_scaling.factor is missing, want a number"},
		{`"rope_parameters": {"rope_type": "linear", "factor": -2}`, "rope_parameters.factor is -2, want a number above 0"},
		{`"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1}`, "rope_scaling.high_freq_factor is 1, want more than low_freq_factor, which is 4"},
		{`"rope_scaling": {"rope_type": "longrope", "short_factor": [1], "long_factor": [1, 1]}`, "rope_scaling.short_factor has 1 numbers, want 2"},
		{`"rope_scaling": {"rope_type": "linear", "factor": 1e-300}`, "give frequencies that are no numbers"},
		{`"partial_rotary_factor": 0.5`, "partial_rotary_factor is 0.5, want 1"},
	} {
		config, err := sdk.ParseConfig([]byte(`{"max_position_embeddings": 64, ` + c.keys + `}`))
		if err != nil {
			t.Fatal(err)
		}
		rope.Read(config, 4, 10000, 128)
		if err := config.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want it to have %s", c.keys, err, c.want)
		}
	}
}
