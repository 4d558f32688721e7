package data

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func prepared(t *testing.T, sources []Source, o Options, settings any, c Cache) (s *Store, found bool) {
	t.Helper()
	s, found, err := PrepareCached(t.Context(), sources, o, settings, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, found
}

func TestCacheFindsOnlyTheSameTokens(t *testing.T) {
	cache := Cache{Dir: filepath.Join(t.TempDir(), "tokens")}
	path := lines(t, "aB.", "aCDEFG.")
	plain := []Source{source(path)}
	o := lettersOptions(4, LongCut)
	first, found := prepared(t, plain, o, "settings", cache)
	if found {
		t.Error("found before it was made")
	}
	again, found := prepared(t, plain, o, "settings", cache)
	if !found || again.Hash() != first.Hash() || !slices.Equal(texts(t, again), []string{"aB.", "aCDE"}) || again.Counts().Cut != 1 {
		t.Errorf("found %v, %q, %+v", found, texts(t, again), again.Counts())
	}
	weighted, columns := source(path), source(path)
	weighted.Weight, columns.Columns = 2, map[string]string{"text": "text"}
	split, unique := lettersOptions(4, LongSplit), lettersOptions(4, LongCut)
	unique.DropDuplicates = true
	for name, prepare := range map[string]func() bool{
		"another weight":          func() bool { _, f := prepared(t, []Source{weighted}, o, "settings", cache); return f },
		"other columns":           func() bool { _, f := prepared(t, []Source{columns}, o, "settings", cache); return f },
		"the file twice":          func() bool { _, f := prepared(t, []Source{source(path, path)}, o, "settings", cache); return f },
		"other settings":          func() bool { _, f := prepared(t, plain, o, "others", cache); return f },
		"another length":          func() bool { _, f := prepared(t, plain, lettersOptions(5, LongCut), "settings", cache); return f },
		"long records split":      func() bool { _, f := prepared(t, plain, split, "settings", cache); return f },
		"repeats left out":        func() bool { _, f := prepared(t, plain, unique, "settings", cache); return f },
		"no folder for the cache": func() bool { _, f := prepared(t, plain, o, "settings", Cache{}); return f },
		"data below the least": func() bool {
			_, f := prepared(t, plain, o, "settings", Cache{Dir: cache.Dir, MinBytes: 1000})
			return f
		},
	} {
		if prepare() {
			t.Errorf("%s: found what was made for other settings", name)
		}
	}
	// The same size and time, other content.
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	os.WriteFile(path, []byte(strings.Replace(string(text), "aB", "aX", 1)), 0o644)
	os.Chtimes(path, st.ModTime(), st.ModTime())
	if s, found := prepared(t, plain, o, "settings", cache); found || texts(t, s)[0] != "aX." {
		t.Errorf("changed data: found %v", found)
	}
}

func TestCacheIsNeverNeeded(t *testing.T) {
	path := lines(t, "aB.")
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o644)
	readOnly := filepath.Join(t.TempDir(), "read-only")
	os.Mkdir(readOnly, 0o500)
	for _, dir := range []string{file, filepath.Join(file, "below"), readOnly} {
		s, found := prepared(t, []Source{source(path)}, lettersOptions(4, LongCut), nil, Cache{Dir: dir})
		if found || s.Count() != 1 {
			t.Errorf("%s: found %v, %d examples", dir, found, s.Count())
		}
	}
}

// A file of the cache that is not whole is made again.
func TestCacheDamaged(t *testing.T) {
	cache := Cache{Dir: t.TempDir()}
	sources, o := []Source{source(lines(t, "aB.", "aC."))}, lettersOptions(4, LongCut)
	first, _ := prepared(t, sources, o, nil, cache)
	path := first.Path()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		os.WriteFile(path, whole[:n], 0o644)
		if s, err := OpenStore(path); err == nil {
			s.Close()
			t.Fatalf("the first %d of %d bytes opened as a whole file", n, len(whole))
		}
	}
	os.WriteFile(path, whole[:len(whole)/2], 0o644)
	if s, found := prepared(t, sources, o, nil, cache); found || s.Count() != 2 {
		t.Errorf("found %v, %d examples", found, s.Count())
	}
	if _, found := prepared(t, sources, o, nil, cache); !found {
		t.Error("not made again")
	}
}

func TestCacheRemovesTheOldest(t *testing.T) {
	cache := Cache{Dir: t.TempDir(), MaxBytes: 1500}
	note := filepath.Join(cache.Dir, "note.txt")
	os.WriteFile(note, make([]byte, 5000), 0o644)
	left, current := filepath.Join(cache.Dir, unfinished+"1"), filepath.Join(cache.Dir, unfinished+"2")
	os.WriteFile(left, nil, 0o644)
	os.WriteFile(current, nil, 0o644)
	os.Chtimes(left, time.Now().Add(-48*time.Hour), time.Now().Add(-48*time.Hour))
	var paths []string
	for i := range 3 {
		path := filepath.Join(cache.Dir, string(rune('a'+i))+tokenExt)
		os.WriteFile(path, make([]byte, 600), 0o644)
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		os.Chtimes(path, at, at)
		paths = append(paths, path)
	}
	cache.prune(paths[2])
	for i, kept := range []bool{false, true, true} {
		if _, err := os.Stat(paths[i]); (err == nil) != kept {
			t.Errorf("%s: %v, wanted it kept: %v", paths[i], err, kept)
		}
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what an interrupted run left is still there")
	}
	if _, err := os.Stat(current); err != nil {
		t.Error("what another run is writing is gone")
	}
	if _, err := os.Stat(note); err != nil {
		t.Error("a file that is not the cache's is gone")
	}
}

// Whatever the bytes: no panic, and what opens can be read or says that it is damaged.
func FuzzTokenFile(f *testing.F) {
	s, err := NewStore(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range stored(1) {
		s.Add(e)
	}
	s.Finish()
	whole, err := os.ReadFile(s.Path())
	if err != nil {
		f.Fatal(err)
	}
	s.Close()
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte(fileMagic))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "a.tokens")
		os.WriteFile(path, content, 0o644)
		s, err := OpenStore(path)
		if err != nil {
			return
		}
		defer s.Close()
		for i := range s.Count() {
			if e, err := s.Example(i); err == nil && len(e.IDs) != len(e.Weights) {
				t.Errorf("%d ids and %d weights", len(e.IDs), len(e.Weights))
			}
		}
	})
}
