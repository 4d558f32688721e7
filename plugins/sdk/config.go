package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
)

// Config reads a model's config.json strictly: a key that is missing or makes
// no sense is an error that names it. Read all keys, then ask Err: it has
// every error, so that a user sees them at once.
type Config struct {
	keys map[string]json.RawMessage
	path string // "rope_scaling." in a table, else ""
	errs *[]error
}

// maxInt bounds integers: far above any model's sizes, and safe to multiply.
const maxInt = 1 << 28

// ParseConfig parses the content of config.json.
func ParseConfig(raw []byte) (*Config, error) {
	c := &Config{errs: new([]error)}
	trimmed := bytes.TrimSpace(raw)
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, fmt.Errorf("config.json: found %s, want a JSON object", kindOf(trimmed))
	}
	if err := json.Unmarshal(trimmed, &c.keys); err != nil {
		return nil, fmt.Errorf("config.json: not valid JSON: %w", plainJSON(err))
	}
	return c, nil
}

// Err is every error so far, one a line, or nil.
func (c *Config) Err() error {
	if len(*c.errs) == 0 {
		return nil
	}
	return errors.Join(*c.errs...)
}

// Fail adds an error about a key.
func (c *Config) Fail(key, format string, args ...any) {
	err := fmt.Errorf("config.json: %s%s %s", c.path, key, fmt.Sprintf(format, args...))
	for _, e := range *c.errs {
		if e.Error() == err.Error() {
			return // read twice
		}
	}
	*c.errs = append(*c.errs, err)
}

// Has says whether there is a key with a value other than null.
func (c *Config) Has(key string) bool {
	_, ok := c.value(key)
	return ok
}

// Given says whether there is a key, even with null.
func (c *Config) Given(key string) bool {
	_, ok := c.keys[key]
	return ok
}

func (c *Config) value(key string) (json.RawMessage, bool) {
	v, ok := c.keys[key]
	return v, ok && string(v) != "null"
}

// Int is a whole number from 1 to 2²⁸. A missing key is an error.
func (c *Config) Int(key string) int {
	n, ok := c.whole(key, 1)
	if !ok && !c.Has(key) {
		c.missing(key, "a whole number above 0")
	}
	return n
}

// IntOr is Int with a value for a key that is missing or null.
func (c *Config) IntOr(key string, missing int) int {
	if !c.Has(key) {
		return missing
	}
	return c.Int(key)
}

// CountOr is IntOr that allows 0.
func (c *Config) CountOr(key string, missing int) int {
	if !c.Has(key) {
		return missing
	}
	n, _ := c.whole(key, 0)
	return n
}

func (c *Config) whole(key string, least int) (int, bool) {
	v, ok := c.value(key)
	if !ok {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(v), 64)
	if err != nil || x != math.Trunc(x) || x < float64(least) || x > maxInt {
		c.Fail(key, "is %s, want a whole number from %d to %d", shortJSON(v), least, maxInt)
		return 0, false
	}
	return int(x), true
}

// Float is a number. A missing key is an error.
func (c *Config) Float(key string) float64 {
	v, ok := c.value(key)
	if !ok {
		c.missing(key, "a number")
		return 0
	}
	x, err := strconv.ParseFloat(string(v), 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		c.Fail(key, "is %s, want a number", shortJSON(v))
		return 0
	}
	return x
}

// FloatOr is Float with a value for a key that is missing or null.
func (c *Config) FloatOr(key string, missing float64) float64 {
	if !c.Has(key) {
		return missing
	}
	return c.Float(key)
}

// Positive is a number above 0. A missing key is an error.
func (c *Config) Positive(key string) float64 {
	before := len(*c.errs)
	x := c.Float(key)
	if x <= 0 && len(*c.errs) == before {
		c.Fail(key, "is %v, want a number above 0", x)
	}
	return x
}

// Floats is a list of n numbers above 0. A missing key is an error.
func (c *Config) Floats(key string, n int) []float64 {
	v, ok := c.value(key)
	if !ok {
		c.missing(key, fmt.Sprintf("a list of %d numbers", n))
		return nil
	}
	var list []float64
	if json.Unmarshal(v, &list) != nil {
		c.Fail(key, "is %s, want a list of %d numbers", shortJSON(v), n)
		return nil
	}
	if len(list) != n {
		c.Fail(key, "has %d numbers, want %d", len(list), n)
		return nil
	}
	for i, x := range list {
		if x <= 0 {
			c.Fail(fmt.Sprintf("%s[%d]", key, i), "is %v, want a number above 0", x)
			return nil
		}
	}
	return list
}

// Bool is true or false, or missing.
func (c *Config) Bool(key string, missing bool) bool {
	v, ok := c.value(key)
	if !ok {
		return missing
	}
	var b bool
	if json.Unmarshal(v, &b) != nil {
		c.Fail(key, "is %s, want true or false", shortJSON(v))
	}
	return b
}

// Text is a string, or missing.
func (c *Config) Text(key, missing string) string {
	v, ok := c.value(key)
	if !ok {
		return missing
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		c.Fail(key, "is %s, want a string", shortJSON(v))
	}
	return s
}

// Texts is a list of strings; nil where the key is missing.
func (c *Config) Texts(key string) []string {
	v, ok := c.value(key)
	if !ok {
		return nil
	}
	var list []string
	if json.Unmarshal(v, &list) != nil {
		c.Fail(key, "is %s, want a list of strings", shortJSON(v))
	}
	return list
}

// Table is an object inside the configuration; nil where the key is missing
// or null. Its errors are in the whole's Err.
func (c *Config) Table(key string) *Config {
	v, ok := c.value(key)
	if !ok {
		return nil
	}
	t := &Config{path: c.path + key + ".", errs: c.errs}
	if json.Unmarshal(v, &t.keys) != nil {
		c.Fail(key, "is %s, want an object", shortJSON(v))
		return nil
	}
	return t
}

// Choice maps a string key by a table. A value that is not in the table is an
// error that lists those that are.
func (c *Config) Choice(key, missing string, table map[string]string) string {
	before := len(*c.errs)
	name := c.Text(key, missing)
	value, ok := table[name]
	if !ok && len(*c.errs) == before {
		var known []string
		for k := range table {
			known = append(known, strconv.Quote(k))
		}
		sort.Strings(known)
		c.Fail(key, "is %q, want one of %s", shorten(name, 40), strings.Join(known, ", "))
	}
	return value
}

func (c *Config) missing(key, want string) { c.Fail(key, "is missing, want %s", want) }

func shortJSON(v json.RawMessage) string { return shorten(string(v), 40) }
