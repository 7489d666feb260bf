package store

import (
	"fmt"
	"strconv"
	"strings"
)

// keywordLetters are the letters for keywords in file names, by their bit: what
// Maildir leaves free.
const keywordLetters = "abcdefghijklmnopqrstuvwxyz0123456789ABCEGHIJKLMNOQUVWXYZ"

// systemLetters are Maildir's own.
var systemLetters = []struct {
	flag   Flags
	letter byte
}{
	{FlagDraft, 'D'}, {FlagFlagged, 'F'}, {FlagAnswered, 'R'}, {FlagSeen, 'S'}, {FlagDeleted, 'T'},
}

// FileInfo is what stands in a file name behind key and size: the UID and a
// letter for each flag, in the order of their codes, as Maildir wants them.
func FileInfo(uid UID, f Flags) string {
	var letters [128]bool
	for _, s := range systemLetters {
		letters[s.letter] = f&s.flag != 0
	}
	for i := range len(keywordLetters) {
		letters[keywordLetters[i]] = f&(1<<(KeywordBase+i)) != 0
	}
	b := make([]byte, 0, 32)
	b = append(b, ",U="...)
	b = strconv.AppendUint(b, uint64(uid), 10)
	b = append(b, ":2,"...)
	for c, set := range letters {
		if set {
			b = append(b, byte(c))
		}
	}
	return string(b)
}

// ParseFileInfo reads FileInfo back, and what other programs write: the UID is 0
// when there is none, and unknown letters are nothing.
func ParseFileInfo(info string) (uid UID, f Flags, err error) {
	fields, letters, _ := strings.Cut(info, ":2,")
	for field := range strings.SplitSeq(fields, ",") {
		if digits, ok := strings.CutPrefix(field, "U="); ok {
			n, err := strconv.ParseUint(digits, 10, 32)
			if err != nil {
				return 0, 0, fmt.Errorf("file info %q: %w", info, ErrInvalid)
			}
			uid = UID(n)
		}
	}
	for _, s := range systemLetters {
		if strings.IndexByte(letters, s.letter) >= 0 {
			f |= s.flag
		}
	}
	for i := range len(letters) {
		if k := strings.IndexByte(keywordLetters, letters[i]); k >= 0 {
			f |= 1 << (KeywordBase + k)
		}
	}
	return uid, f, nil
}
