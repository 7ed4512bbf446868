package webtest

import (
	"fmt"
	"strings"
	"testing"
)

// The newcomer's way, counted: what somebody does by hand between her first visit and the first record batch in her
// terminal, joining included.
const (
	mostClicks   = 10
	mostFields   = 5
	mostCommands = 2
)

// way is the words that a newcomer presses, in one language.
type way struct {
	who, host, language                         string
	signIn, join, ask, wheat, want, send, lease string
}

// newcomers go it in both languages.
func newcomers(t *testing.T, s *Site) {
	for _, w := range []way{
		{"arrival", "arrival.example", "en", "Sign in", "Ask to join with yours", "Ask to join", "Winter wheat field trials", "Ask for it", "Send the request",
			"Make a lease"},
		{"arrivante", "arrivante.example", "fr", "Se connecter", "Demander à participer avec la vôtre", "Demander à participer",
			"Winter wheat field trials", "Le demander", "Envoyer la demande", "Créer un bail"},
	} {
		t.Run(w.language, func(t *testing.T) { w.gone(t, s) })
	}
}

// gone goes the way once.
func (w way) gone(t *testing.T, s *Site) {
	p := s.Visit(t, Reader{Language: w.language})
	p.Go("/")
	p.SignIn(w.signIn, "Example AI Factory", w.who)
	p.Click(w.join)
	p.Type("organisation", "https://"+w.host)
	p.Type("name", "House of "+w.who)
	p.Type("country", "FR")
	p.Type("contact", w.who+"@"+w.host)
	p.Click(w.ask)

	o := s.Visit(t, Reader{}) // the operator's part, which is not hers
	o.Go("/operate/joining")
	o.Click("Example AI Factory")
	o.choose("operator")
	o.clickAt(fmt.Sprintf(`//section[h2[contains(., "House of %s")]]//button[.="Confirm"]`, w.who), "Confirm")

	p.Go("/") // she comes back
	p.Type("q", "winter wheat")
	p.clickAt(`//main//form//button`, "search")
	p.Follow(w.wheat)
	p.Click(w.want)
	p.Click(w.send)
	p.Click(w.lease)
	commands := []string{p.TextOf("#lease code"), p.TextOf("#curl code")}
	pasted(t, "bash", strings.Join(commands, "\n")+"\ntest -s all.arrows\n")
	t.Logf("%s: %d clicks, %d fields, %d commands", w.language, p.Clicks, p.Fields, len(commands))
	if p.Clicks > mostClicks || p.Fields > mostFields || len(commands) > mostCommands {
		t.Errorf("%s: %d clicks, %d fields, %d commands; want at most %d, %d and %d", w.language, p.Clicks, p.Fields, len(commands), mostClicks, mostFields,
			mostCommands)
	}
}
