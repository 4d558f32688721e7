// Package jinja renders chat templates: the part of the Jinja language that
// they use, as Transformers sets it up (trim_blocks, lstrip_blocks,
// undefined values that print as nothing, loop controls, the sandbox's
// immutable values, its own tojson, raise_exception and strftime_now), with
// the `{% generation %}` blocks that mark what an assistant wrote.
//
// It must know nothing of conversations, tokenizers or training: it makes text of
// a template and values. Whatever the template is, rendering ends: steps,
// memory and depth are bounded, and nothing outside the values can be reached.
//
// Begin reading at template.go. lexer.go cuts a template into tokens,
// parser.go and expression.go build the tree whose nodes evaluate themselves:
// statement.go, and for expressions literal.go, compare.go, arithmetic.go,
// access.go and call.go. value.go says what values there are, text.go how they
// are written; filter.go, filter_lazy.go,
// filter_list.go, json.go, test.go, method.go, string_method.go, format.go
// and global.go hold what templates call.
package jinja
