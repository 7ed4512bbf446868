package words

// Words of languages that have no stemmer are told by their beginnings, since most of the
// world's forms differ at the end of a word: energija and energiji meet in energi. A text's
// word stands under as many beginnings as it may have letters of an ending, and one that is
// looked for under one. Both are bounded, so that a short word does not find all that begins
// like it.
const (
	shortest  = 4     // letters of a beginning
	inText    = 4     // letters that a text's word may have behind it
	inQueries = 2     // and one that is looked for
	others    = "und" // the languages that are not known here
)

// byBeginning says whether words of a language are told so.
func byBeginning(language string) bool { return language == "mt" || language == others }

// beginnings are the stems of a text's folded word.
func beginnings(word string) []string {
	r := []rune(word)
	var out []string
	for n := max(shortest, len(r)-inText); n <= len(r); n++ {
		out = append(out, "~"+string(r[:n]))
	}
	return out
}

// beginning is the stem of a folded word that is looked for; "" where it is too short.
func beginning(word string) string {
	r := []rune(word)
	if len(r) < shortest {
		return ""
	}
	return "~" + string(r[:max(shortest, len(r)-inQueries)])
}
