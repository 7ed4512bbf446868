package words

import (
	_ "embed" // the list
	"fmt"
	"math"
	"strconv"
	"strings"
)

// common are words and stems that one in a hundred descriptions of datasets holds or more,
// with in how many of a thousand: counted over 20,997 real ones (catalog/index BenchmarkCommon).
// A list, and not what an index holds, so that no dataset moves the order of others.
//
//go:embed common.txt
var common string

// readCommon reads the list.
func readCommon() (map[string]int, error) {
	out := map[string]int{}
	for line := range strings.Lines(common) {
		word, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(number)
		if err != nil || n < leastCommon || n > 1000 {
			return nil, fmt.Errorf("list of common words: %q is no word with a number", line)
		}
		out[word] = n
	}
	return out, nil
}

const (
	leastCommon = 10  // of a thousand: what fewer hold is not listed
	leastRarity = 0.2 // a word that every description holds says a little all the same
)

// rarity is how much a word tells that so many of a thousand descriptions hold, from
// leastRarity to 1: the logarithm of how few they are.
func rarity(n int) float64 {
	if n <= leastCommon {
		return 1
	}
	return max(leastRarity, math.Log(1000/float64(n))/math.Log(1000/float64(leastCommon)))
}
