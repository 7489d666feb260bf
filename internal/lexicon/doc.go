// Package lexicon finds which of many documents hold a string anywhere in their
// text, at any offset. It knows nothing of mail.
//
// The texts of some documents make a segment: the lexicon of all their words,
// each once, in order, and for each word the postings, which are the documents
// that have it. A word is what stands between two runs of white space, with its
// punctuation. So a string without white space is in a text exactly when it is
// in one of the text's words, and to find it is to look through the lexicon,
// which is a small part of the text, and to unite the postings of the words
// that have it. A string with white space is cut into words too: the first must
// end a word, the last must begin one, those between are whole words. The
// documents that have them all are candidates, which the caller must verify on
// their texts.
//
// Scripts that put no spaces between words (Han, kana, Thai and so on) are taken
// as pairs of neighbouring characters instead.
//
// Promises: a document whose text holds the string is always among those found;
// where a Result says exact, no other is. A segment is bytes: every part has a
// checksum, and a damaged one is an error (ErrDamaged), never a wrong answer.
// Texts are UTF-8 that the caller has folded; strings are compared as octets.
package lexicon
