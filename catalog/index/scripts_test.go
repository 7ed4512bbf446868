package index

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"guichet/schemas"
)

// Words of every official language of the EU, with the letters that it has beside those of
// English, and what people type who have none of the accents.
func TestEveryScript(t *testing.T) {
	for _, c := range []struct{ tag, title, plain string }{
		{"bg", "Ръжда в ѝзворите на България", "изворите"}, {"cs", "Příliš žluťoučký kůň úpěl ďábelské ódy", "zlutoucky"}, {"da", "Høstede æbler på øen", "hostede"},
		{"de", "Größere Straßenzüge in Österreich", "grossere"}, {"el", "Μετρήσεις θορύβου στις οδούς της Ελλάδος", "μετρησεις"}, {"en", "Naïve cafés", "naive"}, {"es", "Pingüinos del señor Núñez", "pinguinos"},
		{"et", "Põllumajanduse jõuõlu šokk", "pollumajanduse"}, {"fi", "Työöljyt Åbossa", "tyooljyt"}, {"fr", "Œuvres où l’été brûle façades", "brule"}, {"ga", "Uisce óil i nGaillimh", "oil"},
		{"hr", "Kišne gliste šuđenja čvoraka", "kisne"}, {"hu", "Árvíztűrő tükörfúrógép", "arvizturo"}, {"it", "Qualità dell’aria nelle città", "qualita"}, {"lt", "Įlinkdama fechtuotojo špaga", "ilinkdama"},
		{"lv", "Glāžšķūņa rūķīši", "glazskuna"}, {"mt", "Ħabiba tiegħi ġewwa ż-żona", "gewwa"}, {"nl", "Coëfficiënten van één", "coefficienten"}, {"pl", "Zażółć gęślą jaźń", "zazolc"},
		{"pt", "Qualidade do ar em São Tomé e Fundão", "fundao"}, {"ro", "Pădurile județului Iași", "padurile"}, {"sk", "Kŕdeľ šťastných ďatľov", "krdel"}, {"sl", "Čebele na Štajerskem", "cebele"}, {"sv", "Årsskörd på åkrar", "arsskord"},
	} {
		x := titled(t, c.tag, map[schemas.DatasetID]string{"d": c.title, "other": "Zzz"})
		under := language.MustParse(c.tag)
		for _, form := range []string{c.title, norm.NFD.String(c.title), cases.Upper(under).String(c.title), cases.Lower(under).String(c.title), strings.ToUpper(norm.NFD.String(c.title))} {
			for _, w := range strings.Fields(form) {
				if got := found(t, x, w); !slices.Contains(got, "d") {
					t.Errorf("%s: %q does not find %q", c.tag, w, c.title)
				}
			}
		}
		if got := found(t, x, c.plain); !slices.Equal(got, []schemas.DatasetID{"d"}) {
			t.Errorf("%s: %q does not find %q", c.tag, c.plain, c.title)
		}
	}
}

// What makes another letter stays: й is none of и, ї none of і.
func TestFold(t *testing.T) {
	for s, want := range map[string]string{
		"ΑΘΉΝΑ": "αθηνα", "οδός": "οδοσ", "ΟΔΟΣ": "οδοσ", "Ёлка": "елка", "за́мок": "замок", "Район": "район", "Їжак": "їжак", "и\u0306": "й", "ﬁn": "fin", "e\u0301": "e", "so\u00adft": "soft", "ｗｉｄｅ": "wide", "हिन्दी": "हिन्दी",
	} {
		if got := schemas.Fold(s); got != want {
			t.Errorf("%q folds to %q, want %q", s, got, want)
		}
	}
}
