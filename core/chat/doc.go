// Package chat lays conversations out as text and the text as tokens, and
// marks which tokens are trained: those that the model is to learn to say.
//
// A layout is a chat template in Jinja (the model's own, one of the
// built-ins, or a file). The trained part is found in the rendered text, by
// the template's own `{% generation %}` blocks or by where the rendering of
// the first messages ends; tokens are trained where they begin in it.
//
// The package must know no model and no dataset by name, and nothing of
// batches. Begin with Template in template.go; render.go finds the trained
// parts, ends.go decides about end-of-turn tokens, tokenize.go makes tokens.
// The engine is in the folder jinja.
package chat
