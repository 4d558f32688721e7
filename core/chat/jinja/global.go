package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// globals are the names that every template knows.
func (s *state) globals() map[string]any {
	return map[string]any{
		"range":           function(makeRange),
		"dict":            function(makeDict),
		"namespace":       function(makeNamespace),
		"raise_exception": function(raise),
		"strftime_now":    function(now),
	}
}

func raise(s *state, args arguments) (any, error) {
	text, err := s.str(args.take(0, "message", ""))
	if err != nil {
		return nil, err
	}
	return nil, Raised(text)
}

func makeDict(s *state, args arguments) (any, error) {
	d := NewDict()
	if len(args.positional) > 0 {
		switch v := args.positional[0].(type) {
		case *Dict:
			for _, k := range v.keys {
				d.set(k, v.values[k])
			}
		case *List:
			for _, item := range v.Items {
				pair, ok := item.(*List)
				if !ok || len(pair.Items) != 2 {
					return nil, fmt.Errorf("dict wants pairs")
				}
				k, err := hashable(pair.Items[0])
				if err != nil {
					return nil, err
				}
				d.set(k, pair.Items[1])
			}
		default:
			return nil, fmt.Errorf("dict does not take %s", typeName(v))
		}
	}
	if args.named != nil {
		for _, k := range args.named.keys {
			d.set(k, args.named.values[k])
		}
	}
	return d, s.spend(len(d.keys))
}

func makeNamespace(s *state, args arguments) (any, error) {
	d, err := makeDict(s, args)
	if err != nil {
		return nil, err
	}
	return &namespace{d.(*Dict)}, nil
}

func makeRange(s *state, args arguments) (any, error) {
	var n [3]int64
	for i, v := range args.positional {
		k, ok := integer(v)
		if !ok || i > 2 {
			return nil, fmt.Errorf("range wants one to three integers")
		}
		n[i] = k
	}
	start, stop, step := n[0], n[1], n[2]
	switch len(args.positional) {
	case 0:
		return nil, fmt.Errorf("range wants one to three integers")
	case 1:
		start, stop, step = 0, n[0], 1
	case 2:
		step = 1
	}
	if step == 0 {
		return nil, fmt.Errorf("the step of range is 0")
	}
	// The sandbox of Jinja has this bound, too.
	const most = 100_000
	l := &List{}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if len(l.Items) == most {
			return nil, fmt.Errorf("range is longer than %d", most)
		}
		l.Items = append(l.Items, i)
		if step > 0 && i > stop-step || step < 0 && i < stop-step {
			break
		}
	}
	return l, s.made(16 * len(l.Items))
}

// now is strftime_now: the time in the format of C's strftime.
func now(s *state, args arguments) (any, error) {
	format, ok := args.take(0, "format", nil).(string)
	if !ok {
		return nil, fmt.Errorf("strftime_now wants a format string")
	}
	return strftime(s.template.Now(), format), s.made(8 * len(format))
}

// directives of strftime as layouts of package time.
var directives = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'd': "02", 'e': "_2", 'm': "01", 'y': "06", 'Y': "2006",
	'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'j': "002", 'Z': "MST", 'z': "-0700",
	'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'D': "01/02/06", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04",
}

func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		strip := format[i] == '-' && i+1 < len(format)
		if strip {
			i++
		}
		text, ok := directive(t, format[i])
		if !ok {
			b.WriteByte('%')
			if strip {
				b.WriteByte('-')
			}
			b.WriteByte(format[i])
			continue
		}
		if strip {
			if text = strings.TrimLeft(text, "0 "); text == "" {
				text = "0"
			}
		}
		b.WriteString(text)
	}
	return b.String()
}

func directive(t time.Time, d byte) (string, bool) {
	switch d {
	case '%':
		return "%", true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), true
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1), true
	case 'w':
		return strconv.Itoa(int(t.Weekday())), true
	}
	layout, ok := directives[d]
	return t.Format(layout), ok
}

// member returns `loop.name`.
func (l *loop) member(name string) (any, bool) {
	n := len(l.items)
	switch name {
	case "index":
		return int64(l.index + 1), true
	case "index0":
		return int64(l.index), true
	case "revindex":
		return int64(n - l.index), true
	case "revindex0":
		return int64(n - l.index - 1), true
	case "first":
		return l.index == 0, true
	case "last":
		return l.index == n-1, true
	case "length":
		return int64(n), true
	case "depth":
		return int64(1), true
	case "depth0":
		return int64(0), true
	case "previtem":
		if l.index == 0 {
			return undefined{"there is no previous item"}, true
		}
		return l.items[l.index-1], true
	case "nextitem":
		if l.index == n-1 {
			return undefined{"there is no next item"}, true
		}
		return l.items[l.index+1], true
	case "cycle":
		return function(func(_ *state, args arguments) (any, error) {
			if len(args.positional) == 0 {
				return nil, fmt.Errorf("loop.cycle has no values")
			}
			return args.positional[l.index%len(args.positional)], nil
		}), true
	case "changed":
		return function(func(s *state, args arguments) (any, error) {
			value := any(&List{Items: args.positional, Tuple: true})
			same, err := s.equal(l.changed, value, 0)
			l.changed = value
			return !same, err
		}), true
	}
	return nil, false
}
