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

// vague says whether a word of the name of a theme is about too much, by its stem: those for
// issue, sector, system, matter, product and the like, halves of names such as medio ambiente,
// and what a stemmer makes another word of (overheid, over). Those that stand under several
// themes, as public does, are told apart by nothing already.
func vague(stem string) bool {
	_, word, _ := strings.Cut(stem, "/")
	return len([]rune(word)) < 3 || slices.Contains(strings.Fields("cs/ved ga/bia ga/dli lt/uk lt/zem lv/vid pl/sad sk/ved "+
		"bg/въпрос bg/систем bg/сектор bg/сред cs/otazc cs/syst "+
		"cs/zivotn da/sporgsmal da/sik de/them el/συστημ en/intern en/issu en/sector en/system es/asunt es/medi "+
		"es/sector es/sistem et/kusimus et/sektor fi/asia fi/kysymyks fi/raha fi/ylein fr/sect fr/system ga/coras "+
		"ga/earnal ga/pobal ga/saincheist hr/pitanj hr/sektor hr/sustav hu/ugy it/prodott it/settor it/sistem "+
		"it/tematic lt/klausim lt/sektor lt/sistem lt/skait lv/jautajum lv/nozar lv/sektor lv/sistem nl/open nl/over "+
		"nl/sector nl/vraagstuk pl/kwest pl/sektor pl/system pl/ustroj pt/questa pt/sector pt/setor pt/sistem "+
		"ro/chestiun ro/medi ro/sector ro/sistem sk/otazk sk/sektor sk/system sk/zivotn sl/sektor sl/sist sl/vprasanj "+
		"sv/allman sv/frag sv/saker sv/sektor sv/system sv/sektorn mt/~sett mt/~setti mt/~sist mt/~siste mt/~kwist"), stem)
}
