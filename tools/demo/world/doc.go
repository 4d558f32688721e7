// Package world is everything that the demo model is taught: simple true facts
// (colours, animals, words, the calendar, numbers, sizes, things, places) and
// the people of Applewick, an invented village.
//
// A Fact holds the ways to ask for it and the sentences that state it; the
// stories, lessons and chats of tools/demo/generate are made of nothing else.
// The package knows nothing of documents, tokens or training.
//
// Begin with fact.go; the other files are one table a subject.
package world
