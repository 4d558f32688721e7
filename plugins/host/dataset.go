package host

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/plugins/protocol"
	"github.com/loraedge/loraedge/plugins/protocol/pb"
)

// Dataset converts the records of one format.
type Dataset struct {
	Type    protocol.DatasetType
	Plugin  string // its name
	process *process
}

// SHA256 is that of the plugin's executable, in hexadecimal; "" for the
// built-in plugin.
func (d *Dataset) SHA256() string {
	d.process.mu.Lock()
	defer d.process.mu.Unlock()
	return d.process.sum
}

// Result is what became of one record.
type Result = protocol.Result

// Convert converts records, each a JSON object, and returns one result for
// each, in order. mapping gives the records' own names of the type's columns
// where they differ. An error is the plugin's fault; what is wrong with a
// record is in its result.
func (d *Dataset) Convert(ctx context.Context, records [][]byte, mapping map[string]string) ([]Result, error) {
	results := make([]Result, len(records))
	for from := 0; from < len(records); {
		var batch [][]byte
		var index []int
		bytes := 0
		for from < len(records) && len(batch) < protocol.MaxRecords && (bytes == 0 || bytes+len(records[from]) <= protocol.MaxBatch) {
			r := records[from]
			if len(r) > protocol.MaxRecord {
				results[from].Error = fmt.Sprintf("the record has %d bytes, want at most %d", len(r), protocol.MaxRecord)
			} else {
				batch, index, bytes = append(batch, r), append(index, from), bytes+len(r)
			}
			from++
		}
		converted, err := d.batch(ctx, batch, mapping)
		if err != nil {
			return nil, err
		}
		for i, at := range index {
			results[at] = converted[i]
		}
	}
	return results, nil
}

// batch converts records that fit a message.
func (d *Dataset) batch(ctx context.Context, records [][]byte, mapping map[string]string) ([]Result, error) {
	if len(records) == 0 {
		return nil, nil
	}
	p := d.process
	doing := fmt.Sprintf("converting %d records of type %s", len(records), d.Type.Name)
	results := make([]Result, len(records))
	err := p.call(ctx, doing, func(ctx context.Context, run *running) error {
		answer, err := pb.NewDatasetClient(run.conn).Convert(ctx, &pb.ConvertRequest{
			Type: d.Type.Name, Records: records, Mapping: mapping,
		})
		if err != nil {
			return err
		}
		if err := p.known(doing, answer); err != nil {
			return err
		}
		if n := len(answer.GetResults()); n != len(records) {
			return p.wrong(doing, "it answered with %d results, want one for each of %d records", n, len(records))
		}
		for i, w := range answer.GetResults() {
			if (w.GetConversation() == nil) == (w.GetError() == "") {
				return p.wrong(doing, "result %d has not exactly one of a conversation and an error", i)
			}
			results[i] = protocol.ResultFromWire(w)
			if results[i].Error != "" {
				results[i].Error = said(results[i].Error)
			} else if err := checkConversation(results[i].Conversation); err != nil {
				return p.wrong(doing, "result %d: %v", i, err)
			}
		}
		return nil
	})
	return results, err
}

var knownRoles = map[string]bool{"system": true, "user": true, "assistant": true, "tool": true}

// checkConversation says whether a conversation is one that the rest of the
// program can rely on.
func checkConversation(c conversation.Conversation) error {
	if (len(c.Messages) == 0) == (c.Text == "") {
		return fmt.Errorf("%d messages and %d bytes of text, want either messages or text", len(c.Messages), len(c.Text))
	}
	if len(c.Rejected) > 0 && len(c.Messages) == 0 {
		return fmt.Errorf("rejected messages without chosen ones")
	}
	for i, m := range slices.Concat(c.Messages, c.Rejected) {
		if !knownRoles[m.Role] {
			return fmt.Errorf("message %d has the role %q, want system, user, assistant or tool", i, plain(m.Role))
		}
		if err := checkList("tool_calls", m.ToolCalls); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		if w := m.Weight; w != nil && !(*w >= 0 && *w <= math.MaxFloat32) {
			return fmt.Errorf("message %d has the weight %v, want a number of at least 0", i, *w)
		}
	}
	if err := checkList("documents", c.Documents); err != nil {
		return err
	}
	return checkList("tools", c.Tools)
}

func checkList(what, text string) error {
	if text == "" {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal([]byte(text), &list) != nil || list == nil {
		return fmt.Errorf("%s is not a JSON list", what)
	}
	return nil
}
