package imapd

import (
	"strings"
	"testing"

	"posthorn/message"
)

func TestFuzzyLikeness(t *testing.T) {
	tests := []struct {
		sought, text string
		from, to     int
	}{
		{"house", "the HOUSE on the hill", 100, 100},
		{"hill house", "the house on the hill", 100, 100},
		{"hous", "houses", 90, 90},
		{"gruse", "Gr\u00fc\u00dfe", 0, 0},
		{"gru\u00dfe", "Gr\u00fc\u00dfe", 50, 89},
		{"cafe", "un caf\u00e9 cr\u00e8me", 90, 100},
		{"inovice", "your invoice", 50, 89}, {"invoce", "your invoice", 50, 89}, {"invoiice", "your invoice", 50, 89},
		{"invoice missing", "your invoice", 0, 0},
		{"invoice invoice", "invoice", 100, 100},
		{"house invoce", "the house's invoice", 70, 99},
		{"to", "tomorrow", 0, 0}, {"to", "go to it", 100, 100},
		{"abcdef", "uvwxyz", 0, 0},
		{"x", "", 0, 0},
		{strings.Repeat("a", 100), strings.Repeat("a", 99) + "b", 0, 0}, {strings.Repeat("a", 100), strings.Repeat("a", 100), 100, 100},
		{"m\u00f6wen", "M\u00d6WEN!", 100, 100},
	}
	for _, tt := range tests {
		words := newFuzzyWords([]byte(message.Fold(tt.sought)))
		if got := words.likeness([]byte(message.Fold(tt.text))); got < tt.from || got > tt.to {
			t.Errorf("%q in %q: %d, want %d to %d", tt.sought, tt.text, got, tt.from, tt.to)
		}
	}
	if n := len(newFuzzyWords([]byte("?! -- "))); n != 0 {
		t.Errorf("%d words in none", n)
	}
	if n := len(newFuzzyWords([]byte("a b c d e f g h i j k l m n o p q r s t"))); n != maxFuzzyWords {
		t.Errorf("%d words, the limit is %d", n, maxFuzzyWords)
	}
}

// FuzzFuzzyLikeness: what holds a text exactly, word by word, is like it in
// full; and likeness is in its bounds.
func FuzzFuzzyLikeness(f *testing.F) {
	f.Add("hill house", "on the hill")
	f.Add("\u0130\u0307", "\xff")
	f.Fuzz(func(t *testing.T, sought, text string) {
		sought, text = message.Fold(sought), message.Fold(text)
		words := newFuzzyWords([]byte(sought))
		if got := words.likeness([]byte(text)); got != 0 && (got < leastLike || got > 100) {
			t.Fatalf("likeness %d", got)
		}
		if got := words.likeness([]byte(text + " " + sought + " " + text)); len(words) > 0 && got != 100 {
			t.Fatalf("%q is like itself by %d", sought, got)
		}
	})
}
