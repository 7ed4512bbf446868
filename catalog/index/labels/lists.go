package labels

import (
	"slices"
	"strings"
)

// tongues are the EU's 24 languages.
func tongues() []string {
	return strings.Fields("bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv")
}

// near are the countries whose names are known in all their cases: the EU, EFTA and their
// neighbours.
func near() []string {
	return strings.Fields("AL AD AT BA BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MD ME MK MT NL NO PL PT RO RS " +
		"RU SE SI SK SM TR UA XK")
}

// technical are words of the names of formats that say nothing by themselves.
func technical() []string {
	return strings.Fields("binary chemical compressed data database dump feed file image map message package plain preview results " +
		"script service simplified stream structured text world zipped esri arcgis srvc prvw gnu oracle ascii rstr " +
		"raster http simpl jpeg2000 show slide")
}

// noCountries are codes that look like countries' and are kept for parts of them and for unions.
func noCountries() []string { return strings.Fields("AC CP DG EA IC TA UN EU EZ QO XA XB ZZ") }

// ambiguous says whether a folded name of a country or language is a common word of another
// language: island is Iceland in German, mali is small in Croatian.
func ambiguous(name string) bool {
	return slices.Contains(strings.Fields("island islandi mali chad reunion jersey guinea niger oman samoa tonga cuba mauritius "+
		"georgia jordan turkey "+
		"english finish lava latte kina china curacao sint"), name)
}

// vague says whether a word of a name is about too much, or is half a name: those for issue,
// sector, system, matter, product and the like, medio of medio ambiente, and what a stemmer
// makes another word of (openbare, open). Folded. Those that stand under several themes, as
// public does, tell nothing by themselves already.
func vague(word string) bool {
	return slices.Contains(strings.Fields(
		"allman asiat asuntos bia chestiuni coras dli earnail fragor international issues jautajumi julkinen "+
			"klausimai kusimused kwestie kwistjonijiet kysymykset medio mediu openbare otazky phobail pitanja "+
			"prodotti questions questoes raha rattsliga sadow saincheisteanna sakerhet secteur sector sektor sektori "+
			"sektorius sektorn sektors setor settore settur sikkerhed sistem sistema skaicius sporgsmal sustav system "+
			"systeme tematiche themen ugyek ukis ustroj veda vide vprasanja vraagstukken yleinen zemes zivotne zivotni "+
			"θεματα συστημα τομεασ въпроси сектор система среда"), word)
}
