package publish

import (
	"fmt"
	"path"
	"strings"

	"golang.org/x/text/unicode/norm"

	"guichet/schemas"
)

// alike notes files of a split whose names a person reads as one: they differ by case,
// by the form of an accented letter, or by a dot or space at the end. Each is a shard of
// its own, and seldom was that meant.
func (p *publication) alike() {
	for i := range p.ask.Tables {
		for j := range p.ask.Tables[i].Splits {
			seen := map[string]string{}
			for _, key := range p.ask.Tables[i].Splits[j].Keys {
				looks := strings.TrimRight(strings.ToLower(norm.NFC.String(key)), ". ")
				if other, twice := seen[looks]; twice && len(p.version.Notes) < 200 {
					p.version.Notes = append(p.version.Notes, schemas.FieldError{Pointer: asUploaded(&p.dataset, key),
						Message: fmt.Sprintf("its name reads like that of %s, which is another file here; both are in the split", path.Base(other))})
				}
				seen[looks] = key
			}
		}
	}
}
