package webtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// text is what an element of the page holds.
func (p *Person) text(css string) string {
	p.t.Helper()
	s, err := chromedp.Run(p.ctx, chromedp.TextContent(chromedp.CSS(css)))
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// joining: somebody whom no organisation knows joins with hers, uses what is open in her playground to the first
// rows, and invites a colleague.
func joining(t *testing.T, s *Site, r Reader) {
	newcomer, colleague, host := "newcomer", "colleague", "fields.example"
	if r.NoScripts { // the site is the same
		newcomer, colleague, host = "stranger", "friend", "strange.example"
	}
	p := s.Visit(t, r)
	p.Go("/")
	p.SignIn("Sign in", "Example AI Factory", newcomer)
	p.Sees("Your account belongs to no organisation yet")
	p.Go("/requests")
	p.Sees("Not allowed", "Your account belongs to no organisation yet")
	p.Click("Ask to join with yours")
	p.Type("organisation", "https://"+strings.ToUpper(host))
	p.Type("name", "Fields of "+newcomer)
	p.Type("country", "FR")
	p.Type("contact", newcomer+"@"+host)
	p.Type("word", "we map fields")
	p.Click("Ask to join")
	p.Sees("Nothing was sent.", "lower-case letters")
	p.Type("organisation", "https://"+host)
	p.Click("Ask to join")
	p.Sees("waits for the operator", "What was declared", "we map fields", "What was checked", "No data are given before that")

	o := s.Visit(t, r)
	o.Go("/")
	o.SignIn("Sign in", "Example AI Factory", "operator")
	o.Follow("to join wait")
	o.Sees("Fields of "+newcomer, "Nobody checked it")
	button := func(words string) {
		o.clickAt(fmt.Sprintf(`//section[h2[contains(., "Fields of %s")]]//button[.=%q]`, newcomer, words), words)
	}
	button("Refuse")
	o.Sees("say why")
	button("Confirm")
	if text := o.Text(); strings.Contains(text, "Fields of "+newcomer) || !strings.Contains(text, "Who asks to join") {
		t.Errorf("who was confirmed waits still: %s", text)
	}

	p.Go("/join")
	p.Sees("Your account belongs to https://"+host, "playground-"+host)
	p.Click("What it may use now")
	p.Go("/datasets?q=winter+wheat&project=playground-" + host)
	p.Follow("Winter wheat field trials")
	p.Sees("now")
	p.Click("Ask for it")
	p.Sees("Yes")
	p.Click("Send the request")
	p.Click("Make a lease")
	lines := p.text("#lease code") + "\n" + p.text("#curl code") + "\n"
	if !r.NoScripts { // the same lines; once is enough
		pasted(t, "bash", lines+"test -s all.arrows\n")
	}

	p.Go("/datasets?q=winter+wheat&space=agriculture")
	p.do("open the form", chromedp.Click(chromedp.CSS("details.save summary")))
	p.Type("searchname", "my wheat")
	p.clickAt(`//details[@class="save"]//button`, "Save this search")
	p.Sees("Saved searches", "my wheat", "0 changed", "fitted when you last looked")
	p.Go("/")
	p.Click("my wheat")
	p.Sees("Winter wheat field trials")
	p.Go("/searches")
	p.Click("Remove my wheat")
	p.Sees("You saved none.")

	p.Go("/organisation")
	p.Sees("asked to join", newcomer)
	p.Type("for", "Paul")
	p.Click("Make an invitation")
	link := strings.TrimSpace(p.text("#link code"))
	p.Sees("it is shown once", "Paul")
	p.Go("/organisation")
	if strings.Contains(p.Text(), link) {
		t.Error("the link is shown twice")
	}
	c := s.Visit(t, r)
	c.Go(strings.TrimPrefix(link, s.Address)) // who is nobody is led to the sign-in, and back
	c.Name = colleague
	c.Click("Example AI Factory")
	c.choose(colleague)
	c.Sees(newcomer+" invites you to act for Fields of "+newcomer, "trainer")
	c.Click("Accept")
	c.Sees("Members", colleague, "invited")
	late := s.Visit(t, r)
	late.Go(strings.TrimPrefix(link, s.Address))
	late.Click("Example University")
	late.choose("researcher")
	late.Sees("was used")
	p.Go("/organisation")
	p.Click("Remove " + colleague)
	p.Sees("asked to join")
	c.Go("/organisation")
	c.Sees("Your account belongs to no organisation yet")
}
