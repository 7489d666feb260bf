package words

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"
)

// Catalogue is all sentences of one language. It is read only.
type Catalogue struct {
	Language string         `toml:"language"` // BCP 47
	Report   Frame          `toml:"report"`
	Kinds    map[Kind]Words `toml:"kind"`

	tag language.Tag
}

//go:embed *.toml
var files embed.FS

// English stands in where no other language is known.
const English = "en"

// catalogues reads all of them, once, when the first is asked for. A file that
// cannot be read is a fault of the program, which the tests of this package find.
var catalogues = sync.OnceValue(func() map[string]*Catalogue {
	all := make(map[string]*Catalogue)
	names, _ := files.ReadDir(".") // of an embedded folder
	for _, n := range names {
		data, err := files.ReadFile(n.Name())
		if err != nil {
			panic(err)
		}
		c, err := read(data)
		if err != nil {
			panic(fmt.Sprintf("words: %s: %v", n.Name(), err))
		}
		if c.Language != strings.TrimSuffix(n.Name(), path.Ext(n.Name())) {
			panic(fmt.Sprintf("words: %s says that it is %q", n.Name(), c.Language))
		}
		all[c.Language] = c
	}
	return all
})

func read(data []byte) (*Catalogue, error) {
	c := &Catalogue{}
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, err
	}
	var err error
	c.tag, err = language.Parse(c.Language)
	return c, err
}

// Languages are the tags of all catalogues, sorted.
func Languages() []string {
	var all []string
	for l := range catalogues() {
		all = append(all, l)
	}
	slices.Sort(all)
	return all
}

// Of is the catalogue of a language as Languages names it, nil when there is none.
func Of(lang string) *Catalogue { return catalogues()[lang] }

// Kinds are all that can happen to a message, sorted.
func Kinds() []Kind {
	var all []Kind
	for k := range catalogues()[English].Kinds {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// Joined tells whether sentences follow each other without a space, as in Chinese
// and Japanese.
func (c *Catalogue) Joined() bool {
	base, _ := c.tag.Base()
	return base.String() == "ja" || base.String() == "zh"
}

// Colon is the one between a label and its value.
func (c *Catalogue) Colon() string {
	switch base, _ := c.tag.Base(); base.String() {
	case "fr":
		return "\u00a0:"
	case "ja", "zh":
		return "：" // as wide as a character
	}
	return ":"
}

// Kind gives the words of a kind, with the sentences whose parameters are known.
func (c *Catalogue) Kind(k Kind, p Params) Words {
	w := c.Kinds[k]
	return Words{What: p.fill(w.What), Steps: p.fill(w.Steps), Admin: p.fill(w.Admin)}
}

// fill puts values in, and leaves out sentences that lack one.
func (p Params) fill(sentences []string) []string {
	var all []string
	for _, s := range sentences {
		if s, ok := p.Fill(s); ok {
			all = append(all, s)
		}
	}
	return all
}

// Fill puts values into the braces of one sentence. It is false when one is not
// known. What a value holds is not looked at again.
func (p Params) Fill(sentence string) (string, bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(sentence, "{")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		name, after, _ := strings.Cut(rest, "}")
		v := p[name]
		if v == "" {
			return "", false
		}
		b.WriteString(v)
		sentence = after
	}
}
