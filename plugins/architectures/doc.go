// Package architectures is the home of the built-in families of models, one
// package each: llama, mistral, qwen2; decoder is what they share.
package architectures
