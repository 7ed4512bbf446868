package webtest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"guichet/connectors/sharedtest"
)

// TestSite is all tests of one site, which takes a while to come up.
func TestSite(t *testing.T) {
	s := start(t)
	t.Run("tasks", func(t *testing.T) { tasks(t, s) })
	t.Run("keyboard", func(t *testing.T) { keyboard(t, s) })
	t.Run("live decision", func(t *testing.T) { liveDecision(t, s) })
	t.Run("everyone can read them", func(t *testing.T) { everyone(t, s) })
}

// tasks: each role does its whole task by clicking, with scripts and without.
func tasks(t *testing.T, s *Site) {
	for name, r := range map[string]Reader{"with scripts": {}, "without scripts": {NoScripts: true}} {
		t.Run(name, func(t *testing.T) {
			stranger(t, s, r)
			agreement := trainer(t, s, r)
			provider(t, s, r, agreement)
			reviewed(t, s, r)
			officer(t, s, r)
			operator(t, s, r)
			joining(t, s, r)
		})
	}
	t.Run("en français", func(t *testing.T) { inFrench(t, s) })
	t.Run("each sees her own", func(t *testing.T) { separate(t, s) })
}

// start is the site of all tests; GUICHET_SITE names one that runs already, for who writes them.
func start(t *testing.T) *Site {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole demo and a browser take long")
	}
	if address := os.Getenv("GUICHET_SITE"); address != "" {
		s := &Site{Address: address}
		s.open(t)
		return s
	}
	return Start(t)
}

// stranger finds and reads what is public without signing in.
func stranger(t *testing.T, s *Site, r Reader) {
	p := s.Visit(t, r)
	p.Go("/")
	p.Sees("datasets can be found here", "health")
	p.Type("q", "winter wheat")
	p.Click("Search")
	p.Sees("Winter wheat field trials", "May I use it?")
	p.Follow("Winter wheat field trials")
	p.Sees("Tables and columns", "t/ha", "Licence and terms", "keep an encrypted copy near the job: permitted", "give credit")
	p.Go("/datasets?q=wheet")
	p.Sees("No dataset matches", "wheat")
	p.Go("/datasets?from=soon")
	p.Sees("This cannot be searched for.", "soon")
	p.Go("/nowhere")
	p.Sees("There is nothing here")
}

// trainer finds data, asks for them for a project, and reads the first rows with the lines that the page gives.
func trainer(t *testing.T, s *Site, r Reader) (agreement string) {
	p := s.Visit(t, r)
	p.Go("/datasets?q=winter+wheat")
	p.SignIn("Sign in", "Example AI Factory", "trainer")
	p.Sees("Winter wheat field trials") // back where she was
	p.Follow("Winter wheat field trials")
	p.Sees("now")
	p.Click("Ask for it")
	p.Sees("Yes", "What it demands:", "give credit")
	p.Type("message", "for a paper")
	p.Click("Send the request")
	p.Sees("granted", "for a paper", "Crop AI")
	p.Click("To the agreement")
	p.Sees("active", "What is allowed")
	agreement = p.Path()
	p.Click("Make a lease")
	p.Sees("This is shown once")
	lines := map[string]string{}
	for _, id := range []string{"lease", "curl", "python", "duckdb"} {
		text, err := chromedp.Run(p.ctx, chromedp.TextContent(chromedp.CSS("#"+id+" code")))
		if err != nil {
			t.Fatal(err)
		}
		lines[id] = text
	}
	if !r.NoScripts { // the same lines; once is enough
		pasted(t, "bash", lines["lease"]+"\n"+lines["curl"]+"\n")
		pasted(t, "bash", lines["lease"]+"\n"+sharedtest.Python(t)+" - <<'EOF'\n"+lines["python"]+"\nEOF\n")
		pasted(t, "bash", lines["lease"]+"\n"+sharedtest.Python(t)+" - <<'EOF'\n"+lines["duckdb"]+"\nEOF\n")
	}
	p.Go(agreement)
	if strings.Contains(p.Text(), "LEASE=") {
		t.Error("a lease is shown twice")
	}
	return agreement
}

// pasted runs lines in a folder of their own, as they stand on the page.
func pasted(t *testing.T, shell, lines string) {
	t.Helper()
	cmd := exec.Command(shell, "-euo", "pipefail", "-c", lines)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("lines of the page: %v\n%s\n%s", err, lines, out)
	}
}

// provider sees who uses a dataset, and ends it.
func provider(t *testing.T, s *Site, r Reader, agreement string) {
	p := s.Visit(t, r)
	p.Go("/")
	p.SignIn("Sign in", "Example AI Factory", "agronomy")
	p.Click("My datasets")
	p.Follow("Winter wheat field trials")
	p.Sees("Quality of the description")
	p.Click("Who uses it")
	p.Sees("https://crop-ai.example", "active")
	p.Go(agreement)
	p.Sees("End this agreement")
	if !strings.Contains(p.Text(), "What flowed") && !r.NoScripts {
		t.Error("what flowed is not there")
	}
	p.Type("reason", "the trial is over")
	p.Click("End it now")
	p.Sees("revoked", "Revoked: the trial is over")
}

// reviewed: a request waits for its holder, who grants it.
func reviewed(t *testing.T, s *Site, r Reader) {
	p := s.Visit(t, r)
	p.Go("/datasets?q=diabetes")
	p.SignIn("Sign in", "Example University", "researcher")
	p.Follow("Diabetes register")
	p.Sees("ask")
	p.Click("Ask for it")
	p.Sees("Not yet", "needed", "Purpose under EHDS")
	p.Type("until", "2027-06-30")
	p.Type("message", "to warn of sepsis early")
	p.Type("contact", "mailto:lab@university.example")
	p.Click("Send the request")
	p.Sees("waits for a review")
	request := p.Path()

	h := s.Visit(t, r)
	h.Go("/")
	h.SignIn("Sign in", "Example AI Factory", "hospital")
	h.Sees("Waiting for an answer")
	h.Go(request)
	h.Sees("This waits for you", "to warn of sepsis early", "Example University", "LUMI")
	h.Type("reason", "a use we like to see")
	h.Click("Grant")
	h.Sees("granted", "a use we like to see")

	p.Go(request)
	p.Sees("granted", "a use we like to see")
	p.Click("To the agreement")
	p.Sees("until 30 June 2027")
}

// officer reads the record.
func officer(t *testing.T, s *Site, r Reader) {
	p := s.Visit(t, r)
	p.Go("/record?kind=agreement.revoked")
	p.Name = "officer"
	p.Click("Example AI Factory") // who is nobody is led to the sign-in
	p.choose("officer")
	p.Sees("agreement.revoked", "The signed head")
	p.Go("/record?kind=release.end")
	p.Sees("release.end")
}

// operator sees the site.
func operator(t *testing.T, s *Site, r Reader) {
	p := s.Visit(t, r)
	p.Go("/")
	p.SignIn("Sign in", "Example AI Factory", "operator")
	p.Click("Operate")
	p.Sees("Portal of another space", "well", "Crop AI", "start-up", "Crop yield 2027", "LUMI", "secure processing environment")
	p.Click("Sign out")
	p.Go("/operate")
	p.Sees("Where are you known?")
}

// inFrench: all of it in French, where that is what a reader likes best, or chose.
func inFrench(t *testing.T, s *Site) {
	p := s.Visit(t, Reader{Language: "fr-BE,fr;q=0.9,en;q=0.1"})
	p.Go("/datasets?q=wheat")
	p.Sees("de données", "Puis-je l’utiliser ?", "lignes")
	p.SignIn("Se connecter", "Example AI Factory", "trainer")
	p.Follow("Winter wheat field trials")
	p.Click("Le demander")
	p.Sees("Ce qui serait décidé", "Oui", "Envoyer la demande")
	p.Click("English")
	p.Sees("What it would come to", "Send the request")
	p.Go("/organisation")
	p.Click("Français")
	p.Sees("Votre organisation", "Membres", "inscrit par l’exploitant", "Inviter une ou un collègue")
}

// separate: a page of somebody's is not there for others.
func separate(t *testing.T, s *Site) {
	p := s.Visit(t, Reader{})
	p.Go("/agreements")
	p.Click("Example University")
	p.choose("researcher")
	for _, path := range []string{"/operate", "/requests/req-00000000000000000000", "/agreements/agr-00000000000000000000"} {
		p.Go(path)
		text := p.Text()
		if !strings.Contains(text, "Not allowed") && !strings.Contains(text, "There is nothing here") {
			t.Errorf("%s: %s", path, text)
		}
	}
}
