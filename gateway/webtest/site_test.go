package webtest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestSite is all tests of one site, which takes a while to come up.
func TestSite(t *testing.T) {
	s := start(t)
	if dir := os.Getenv("GUICHET_SCREENSHOTS"); dir != "" { // make screenshots
		screenshots(t, s, dir)
		prints(t, s)
		return
	}
	t.Run("tasks", func(t *testing.T) { tasks(t, s) })
	t.Run("keyboard", func(t *testing.T) { keyboard(t, s) })
	t.Run("live decision", func(t *testing.T) { liveDecision(t, s) })
	t.Run("a session ends", func(t *testing.T) { sessionEnds(t, s) })
	t.Run("live check", func(t *testing.T) { liveCheck(t, s) })
	t.Run("by file", func(t *testing.T) { byFile(t, s) })
	t.Run("prints", func(t *testing.T) { prints(t, s) })
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
			lineage(t, s, r)
			reports(t, s, r)
			operator(t, s, r)
			provides(t, s, r)
			joining(t, s, r)
		})
	}
	t.Run("an organisation is barred", func(t *testing.T) { bars(t, s) })
	t.Run("the newcomer's way", func(t *testing.T) { newcomers(t, s) })
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
	p.Sees("How values are distributed is shown since the provider consented.", "Time covered", "It covers")
	p.Go("/datasets?q=winter+wheat")
	p.Sees("When the data is from", "Where the data is from", "Most cover")
	p.opens("When the data is from")
	p.clickAt(`(//main//figure[@class="strip"]//table//a)[1]`, "a period")
	p.Sees("From:", "To:", "Winter wheat field trials")
	p.opens("Where the data is from")
	p.clickAt(`(//main//figure[contains(@class, "cover")]//table//a)[1]`, "a cell")
	p.Sees("Area:", "Winter wheat field trials")
	if n := p.Count("figure.cover rect"); n == 0 {
		t.Error("the map of a cell is empty")
	}
	p.Go("/datasets?q=wheat")
	for _, box := range []string{`main input[name="id-0"]`, `main input[name="id-1"]`} {
		p.do("tick "+box, chromedp.ScrollIntoView(chromedp.CSS(box)), chromedp.Click(chromedp.CSS(box)))
	}
	p.Click("Compare those ticked side by side")
	p.Sees("Datasets side by side", "Winter wheat field trials", "Broadbalk winter wheat yields", "Columns by their names", "leave out")
	p.Go("/datasets?q=wheet")
	p.Sees("No dataset has all of these words. These have: wheat", "Winter wheat field trials")
	p.Go("/datasets?from=soon")
	p.Sees("This cannot be searched for.", "soon")
	p.Go("/nowhere")
	p.Sees("There is nothing here")
}

// asks goes to the form of a request, from a dataset of which there may be an agreement already.
func (p *Person) asks() {
	p.t.Helper()
	p.clickAt(`(//main//aside//a[contains(@href, "/ask?")])[1]`, "the way to ask")
}

// trainer finds data, asks for them for a project, and reads the first rows with the lines that the page gives.
func trainer(t *testing.T, s *Site, r Reader) (agreement string) {
	p := s.Visit(t, r)
	p.Go("/datasets?q=winter+wheat")
	p.SignIn("Sign in", "Example AI Factory", "trainer")
	p.Sees("Winter wheat field trials") // back where she was
	p.Follow("Winter wheat field trials")
	p.Sees("now")
	p.Click("What the rows look like")
	p.Sees("These rows are made up", "yield", "float32", "Rows of the data itself")
	p.Follow("Winter wheat field trials")
	p.asks()
	p.Sees("Yes", "What it demands:", "give credit")
	p.Type("message", "for a paper")
	p.Click("Send the request")
	p.Sees("active", "What is allowed", "give credit")
	agreement = p.Path()
	p.Follow("Winter wheat field trials")
	p.Click("What the rows look like")
	p.Click("Read 20 rows")
	p.Sees("The first rows as the agreement")
	if n := p.Count("table.rows tbody tr"); n != 20 {
		t.Errorf("%d rows", n)
	}
	p.Click("How it is recorded")
	p.Sees("release begun", "at most 20 rows", "20 rows,")
	p.uses(agreement, r.NoScripts) // the same lines; once is enough
	p.Go(agreement)
	if strings.Contains(p.Text(), "LEASE=") {
		t.Error("a lease is shown twice")
	}
	return agreement
}

// lineage follows a run from what went in to what came out, and to its entries of the record.
func lineage(t *testing.T, s *Site, r Reader) {
	p := s.Visit(t, r)
	p.Go("/runs")
	p.Click("Example AI Factory")
	p.choose("trainer")
	p.Follow("night-run")
	p.Sees("From data to model", "How much was released", "Winter wheat field trials", "rows of each table", "sha256:", "Sum of what is exact")
	p.Click("The entries of this run")
	p.Sees("data released", "release begun")
}

// pasted runs lines in a folder of their own, as they stand on the page.
func pasted(t testing.TB, shell, lines string) {
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
	p.Sees("Crop AI", "active")
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
	p.asks()
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

// officer reads the record, one release of it with what led to it, and verifies it against the head that
// she kept.
func officer(t *testing.T, s *Site, r Reader) {
	p := s.Visit(t, r)
	p.Go("/record?kind=agreement.revoked")
	p.Name = "officer"
	p.Click("Example AI Factory") // who is nobody is led to the sign-in
	p.choose("officer")
	p.Sees("agreement ended", "Keep it, and verify it")
	p.Click("Verify the record step by step")
	p.Sees("The head is signed", "Every step holds")
	head := p.TextOf("#v-checkpoint code")
	p.Go("/record?kind=release.end")
	p.Sees("data released", "complete")
	p.FollowFirst("record")
	p.Sees("How it came about", "agreement made", "release begun", "lease given", "Its place in the tree")
	p.Click("Verify this record")
	p.Type("kept", head)
	p.Click("Verify")
	p.Sees("The entry is in the record", "What you kept is a head of this record", "The record begins with what you kept", "Every step holds")
	if r.NoScripts {
		p.Sees("Computed by the gateway")
	} else {
		p.Awaits("Computed again in this browser")
	}
	p.Type("kept", strings.Replace(head, "\n", "x\n", 1))
	p.Click("Verify")
	p.Sees("Not every step holds")
}

// reports: an officer makes reports, takes one as a file, and makes it again as at the same checkpoint.
func reports(t *testing.T, s *Site, r Reader) {
	p := s.Visit(t, r)
	p.Go("/")
	p.SignIn("Sign in", "Example AI Factory", "officer")
	p.Click("Reports")
	p.Sees("Register of permits", "Who used a dataset", "Dossier of a project")
	p.Click("Register of permits")
	p.Sees("https://crop-ai.example", "crop-yield-2027", "What the record cannot know", "EHDS art. 67(2)", "Not from the record")
	dataset, err := chromedp.Run(p.ctx, chromedp.TextContent(chromedp.CSS("tbody tr:first-child td:nth-child(8)")))
	if err != nil {
		t.Fatal(err)
	}
	dataset = regexp.MustCompile(`ds-[a-z0-9]+`).FindString(dataset) // its title stands before it
	p.Go("/reports/uses")
	p.Type("dataset", "ds-none")
	p.Click("Make it")
	p.Sees("There is nothing of this id here")
	p.Type("dataset", dataset)
	p.Click("Make it")
	p.Sees("Who used it", "https://crop-ai.example", "Altogether", "As at the checkpoint of")
	size := regexp.MustCompile(`--at (\d+)`).FindStringSubmatch(p.Text())
	if size == nil {
		t.Fatalf("the page does not say as at which checkpoint: %s", p.Text())
	}
	tables := p.tables()
	p.Go("/reports/refusals") // the record goes on: a visit is none, a refused call is an entry
	p.Go("/reports/uses?dataset=" + dataset + "&at=" + size[1])
	if again := p.tables(); again != tables {
		t.Errorf("the same report as at the same checkpoint is another one:\n%s\nwas\n%s", again, tables)
	}
	p.Go("/reports/uses?dataset=" + dataset + "&at=20")
	p.Sees("As at the checkpoint of 20 entries", "Nothing.")
	p.Go("/reports/uses?dataset=" + dataset + "&at=99999999")
	p.Sees("This report cannot be made so.")
	if r.NoScripts {
		return
	}
	p.Go("/reports/uses?dataset=" + dataset + "&at=" + size[1])
	for file, want := range map[string]string{
		`document.querySelector("main a.button").href`:                  "participant,project,purpose,agreement,versions,runs,streams,rows",
		`"/reports/dossier?project=crop-yield-2027&at=` + size[1] + `"`: "PK",
	} {
		got, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`fetch(`+file+`).then((r) => r.text())`, chromedp.EvalAwaitPromise))
		if err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %v %.300s", file, err, got)
		}
	}
}

// tables is what the tables of a page say.
func (p *Person) tables() string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.TextContent(chromedp.CSS("main section")))
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// operator sees the site.
func operator(t *testing.T, s *Site, r Reader) {
	p := s.Visit(t, r)
	p.Go("/")
	p.SignIn("Sign in", "Example AI Factory", "operator")
	p.Click("Operate")
	p.Sees("All is well", "Portal of another space", "well")
	p.Follow("Participants")
	p.Sees("Crop AI", "start-up")
	p.Go("/operate/factories")
	p.Sees("LUMI", "Networks")
	p.Go("/operate/projects?id=crop-yield-2027")
	p.Sees("Crop yield 2027", "Change it")
	name := map[bool]string{false: "north", true: "south"}[r.NoScripts] // the site is the same
	p.Go("/operate/participants")
	p.Type("put-id", "https://"+name+".example")
	p.Type("put-name", "Fields of the "+name)
	p.Type("put-country", "FR")
	p.Type("put-members", "no issuer")
	p.Click("Store")
	p.Sees("line 1 has no issuer")
	p.Type("put-members", " ") // blank lines name nobody
	p.Click("Store")
	p.Sees("Stored:", "Fields of the "+name)
	calls(t, s, p, r, name)
	p.Go("/operate")
	p.Click("Sign out")
	p.Go("/operate")
	p.Sees("Where are you known?")
}

// calls: the operator calls, a trainer asks, the operator admits and closes.
func calls(t *testing.T, s *Site, p *Person, r Reader, name string) {
	p.Go("/operate/calls")
	p.Type("put-id", name)
	p.Type("put-name", "Call of the "+name)
	p.Type("put-closes", "2020-01-01")
	p.Click("Store")
	p.Sees("not after it opens")
	p.Type("put-closes", "2030-01-01")
	p.Click("Store")
	p.Sees("Stored:", "Call of the "+name)
	q := s.Visit(t, r)
	q.Go("/calls")
	q.SignIn("Sign in", "Example AI Factory", "trainer")
	q.Go("/calls/" + name)
	q.Sees("Ask with a project of yours")
	q.Type("word", "we forecast")
	q.Click("Ask")
	q.Sees("waits for an answer", "we forecast")
	p.Go("/calls/" + name)
	p.Click("Decline")
	p.Sees("say why")
	p.Type("closing", "all is spent")
	p.Click("Close it for good")
	p.Sees("It was closed: all is spent")
	q.Click("Withdraw it")
	q.Sees("withdrawn")
}

// inFrench: all of it in French, where that is what a reader likes best, or chose.
func inFrench(t *testing.T, s *Site) {
	p := s.Visit(t, Reader{Language: "fr-BE,fr;q=0.9,en;q=0.1"})
	p.Go("/datasets?q=wheat")
	p.Sees("de données", "Puis-je l’utiliser ?", "lignes")
	p.SignIn("Se connecter", "Example AI Factory", "trainer")
	p.Follow("Winter wheat field trials")
	p.asks()
	p.Sees("Ce qui serait décidé", "Oui", "Envoyer la demande")
	p.Click("English")
	p.Sees("What it would come to", "Send the request")
	p.Go("/organisation")
	p.Click("Français")
	p.Sees("Votre organisation", "Membres", "inscrit par l’opérateur", "Inviter une ou un collègue")
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
