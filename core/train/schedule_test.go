package train

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// scheduleCase is one of testdata/schedules.json, which tools/oracle/schedules.py
// made with Transformers. Settings have lora.toml's names.
type scheduleCase struct {
	Kind          string
	Warmup, Total int
	Settings      map[string]any
	Losses, Rates []float64
}

func (c scheduleCase) number(name string, otherwise float64) float64 {
	if v, ok := c.Settings[name].(float64); ok {
		return v
	}
	return otherwise
}

func (c scheduleCase) text(name, otherwise string) string {
	if v, ok := c.Settings[name].(string); ok {
		return v
	}
	return otherwise
}

func scheduleCases(t *testing.T) (base float64, cases []scheduleCase) {
	t.Helper()
	text, err := os.ReadFile("testdata/schedules.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Base  float64
		Cases []scheduleCase
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Base, file.Cases
}

func TestRatesAsTransformers(t *testing.T) {
	base, cases := scheduleCases(t)
	kinds := map[string]bool{}
	for _, c := range cases {
		kinds[c.Kind] = true
		rates := make([]float64, len(c.Rates))
		if c.Losses != nil {
			p := Plateau{
				Factor: c.number("plateau_factor", 0.1), Patience: int(c.number("plateau_patience", 10)),
				Threshold: c.number("plateau_threshold", 1e-4), Cooldown: int(c.number("plateau_cooldown", 0)), MinRate: c.number("min_lr", 0),
			}
			state := State{}
			trainer := Trainer{Plateau: &p, Schedule: Schedule{Base: base}}
			for step, loss := range c.Losses {
				rates[step] = trainer.rate(&state)
				p.step(&state.Watch.Plateau, loss, base)
			}
		} else {
			s := Schedule{
				Kind: c.Kind, Base: base, Warmup: c.Warmup, Total: c.Total, NumCycles: c.number("num_cycles", 0),
				Power: c.number("power", 1), End: c.number("lr_end", 1e-7), MinRate: c.number("min_lr_rate", c.number("min_lr", 0)/base),
				Timescale: int(c.number("timescale", 0)), Decay: int(c.number("num_decay_steps", 0)),
				WarmupType: c.text("warmup_type", "linear"), DecayType: c.text("decay_type", "cosine"),
			}
			for step := range rates {
				rates[step] = s.Rate(step)
			}
		}
		for step, want := range c.Rates {
			if math.Abs(rates[step]-want) > 1e-18+1e-14*want {
				t.Errorf("%s %v, %d warm-up steps of %d: step %d has %v, wanted %v", c.Kind, c.Settings, c.Warmup, c.Total, step, rates[step], want)
			}
		}
	}
	if len(kinds) != 10 {
		t.Errorf("the cases have %d kinds, wanted 10", len(kinds))
	}
}
