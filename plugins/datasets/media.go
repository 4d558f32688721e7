package datasets

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/loraedge/loraedge/plugins/sdk"
)

// media are the fields under which datasets keep what is not text.
var media = []string{"image", "images", "audio", "audios", "video", "videos"}

// refuseRecordMedia is an error where a record has more than text: its text
// alone would be another example than the one that was meant.
func refuseRecordMedia(r sdk.Record) error {
	for _, name := range media {
		if v, ok := r.Value(name); ok && !isEmpty(v) {
			return notText(name)
		}
	}
	return nil
}

func refuseMedia(turn map[string]json.RawMessage) error {
	for _, name := range media {
		if v, ok := turn[name]; ok && !isEmpty(v) {
			return notText(name)
		}
	}
	return nil
}

func notText(name string) error {
	return fmt.Errorf("%q holds something: only text can be trained on; leave such records out, or the field where the text stands for itself", name)
}

// isEmpty says whether a value is null, "", [] or {}.
func isEmpty(v json.RawMessage) bool {
	v = bytes.TrimSpace(v)
	if len(v) > 1 && (v[0] == '[' || v[0] == '{') {
		return len(bytes.TrimSpace(v[1:len(v)-1])) == 0
	}
	return string(v) == "null" || string(v) == `""`
}
