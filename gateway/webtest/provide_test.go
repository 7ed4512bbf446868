package webtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// tick ticks the box of this name and value.
func (p *Person) tick(name, value string) {
	p.t.Helper()
	box := chromedp.CSS(fmt.Sprintf(`main input[name=%q][value=%q]`, name, value))
	p.do("tick "+value, chromedp.ScrollIntoView(box), chromedp.Click(box))
}

// pick chooses in a list.
func (p *Person) pick(id, value string) {
	p.t.Helper()
	p.do("choose "+value, chromedp.SetValue(chromedp.CSS("#"+id), value))
}

// comes waits until the page says something, which it does by itself: by a script, or because it is asked for anew.
func (p *Person) comes(words string) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if strings.Contains(p.Text(), words) {
			return
		}
	}
	p.t.Fatalf("%s waits for %q in vain: %s", p.Name, words, p.Text())
}

// provides: a provider registers a dataset by the form, is shown what is wrong, publishes it from a place in a store
// with a look first, says under which terms, tries them, and a trainer streams it; then the trainer is barred.
func provides(t *testing.T, s *Site, r Reader) {
	title := fmt.Sprintf("Vineyards once more %d", time.Now().UnixNano())
	p := s.Visit(t, r)
	p.Go("/provide")
	p.Click("Example AI Factory")
	p.choose("agronomy")
	p.Sees("My datasets", "Winter wheat field trials", "Who reads your data now", "s3://local/spaces/agronomy/")
	p.Follow("Register a dataset from here")
	p.Type("title", title)
	p.Type("countries", "Atlantis")
	p.Click("Register it")
	p.Sees("Nothing was sent.", "Atlantis", "missing: say in which data space")
	if v := p.value("title"); v != title {
		t.Errorf("what was typed is gone: %q", v)
	}
	p.Type("countries", "France")
	p.pick("space", "agriculture")
	p.Type("licence", "CC-BY-4.0")
	p.Type("contact", "mailto:data@agronomy.example")
	p.tick("theme", "AGRI")
	p.Click("Check")
	p.Sees("Nothing is wrong with it.", "points of the EU")
	p.Type("path", "vineyard-phenology/observations/all/")
	p.Click("Register it") // its files are looked at
	p.comes("All files were read, and nothing is published yet.")
	p.Sees("Version dry-run", "data", "What to know about them")
	dataset := strings.Split(p.Path(), "/")[2]
	p.Click("Publish it")
	p.comes("Say under which terms it may be used")
	p.Sees("published")
	p.Click("Say under which terms it may be used")
	p.Sees("Under which terms?", "The holder looks at each request.", "Not yet: a review")
	p.pick("row-column-0", "stage")
	p.Click("Set these terms")
	p.Sees("Nothing was sent.", `say with what "stage" is compared`)
	if n := p.Count("#row-value-0:focus"); n != 1 {
		p.t.Error("the page does not open at what is wrong")
	}
	p.Type("row-value-0", "61")
	p.Click("Read and try them")
	p.Sees("only rows where stage is 61")
	p.Go("/provide/" + dataset + "/terms") // all rows after all
	p.tick("review", "yes")                // off again
	p.tick("purpose", "research")
	p.Type("rows", "many")
	p.Click("Set these terms")
	p.Sees("Nothing was sent.", `"many" is not a number above 0`)
	p.Type("rows", "1000000")
	p.Click("Read and try them")
	p.Sees("the purpose is a kind of research", "budget: 1,000,000 rows", "○ No")
	p.Click("Set these terms")
	p.Sees(title, "the purpose is a kind of research", "Terms")
	p.tellsValues(dataset)
	p.walks(dataset)
	p.uploads(dataset)

	u := s.Visit(t, r)
	u.Go("/datasets/" + dataset + "/ask")
	u.Click("Example AI Factory")
	u.choose("trainer")
	u.Click("Send the request")
	u.Sees("active", "What is allowed")
	agreement := u.Path()
	u.Click("Make a lease")
	if !r.NoScripts {
		pasted(t, "bash", u.lines("lease")+"\n"+u.lines("curl")+"\n")
	}

	p.Go(agreement)
	p.Follow("Bar this organisation")
	p.Sees("Bar Crop AI", title, "Bar it now")
	p.Go("/provide/" + dataset + "/terms") // of this dataset alone: other tests go on
	p.Type("barred", "https://crop-ai.example")
	p.Click("Set these terms")
	p.Sees("the organisation is one of https://crop-ai.example")
	p.Go(agreement)
	p.Type("reason", "the trial is over")
	p.Click("End it now")
	p.Sees("revoked", "the trial is over")
	u.Go("/datasets/" + dataset + "/ask")
	u.Sees("No")
	p.Go("/provide")
	p.Sees(title, "Barred organisations", "https://crop-ai.example")
	p.Go("/provide/bar?participant=https://crop-ai.example")
	p.Sees("It is barred from", title)
	p.Click("Lift the bar")
	p.Sees("It may ask again.")
}

// tellsValues publishes once more, lets everybody see how values are distributed, and takes that back.
func (p *Person) tellsValues(dataset string) {
	p.t.Helper()
	p.Go("/provide/" + dataset + "/publish")
	p.Type("path-0", "vineyard-phenology/observations/all/")
	p.Type("version", "told")
	p.tick("dist", "some")
	p.Type("distcolumns", "stage,"+strings.Repeat("x", 2000))
	p.Click("Publish it")
	p.Sees("Nothing was sent.", "at most 255 characters")
	p.tick("dist", "all")
	p.Click("Publish it")
	p.comes("as you consented: data/*")
	p.Go("/datasets/" + dataset)
	p.Sees("How values are distributed is shown since the provider consented.", "Show as table")
	p.opens("How the values of")
	p.Sees("Rows", "Share")
	p.Go("/provide/" + dataset + "/versions/told")
	p.Click("Take the consent back")
	if text := p.Text(); strings.Contains(text, "as you consented") {
		p.t.Errorf("it was taken back: %s", text)
	}
	p.Go("/datasets/" + dataset)
	if n := p.Count("figure.values"); n != 0 {
		p.t.Errorf("%d pictures of values are left", n)
	}
}

// walks publishes two tables of folders that are found by walking down a place; what was typed stays in the form.
func (p *Person) walks(dataset string) {
	p.t.Helper()
	p.Go("/provide/" + dataset + "/publish")
	p.Type("version", "walked")
	p.Click("Look into the store")
	p.Follow("vineyard-phenology")
	p.Follow("observations")
	p.Sees("It has 1 folder.", "as parts of one table")
	p.Follow("all")
	p.Sees("Take the file", ".csv")
	p.Click("Take this whole folder")
	if path, version := p.value("path-0"), p.value("version"); path != "vineyard-phenology/observations/all/" || version != "walked" {
		p.t.Errorf("the form has %q, %q", path, version)
	}
	p.Click("Add further files: another table or part")
	p.Type("path-1", "vineyard-phenology/none/")
	p.Type("table-1", "again")
	p.Click("Look first")
	p.Sees("Nothing was sent.", "/tables/1/splits/0/prefix")
	if n := p.Count("#path-1-wrong"); n != 1 {
		p.t.Error("the fault does not stand at its row")
	}
	p.Type("path-1", "vineyard-phenology/observations/all/")
	p.Click("Look first")
	p.comes("All files were read, and nothing is published yet.")
	p.Sees("data", "again")
	p.Click("Publish it")
	p.comes("To the dataset")
	p.Sees("published")
}

// uploads sends a file of her own machine and publishes it, with a look first.
func (p *Person) uploads(dataset string) {
	p.t.Helper()
	file := filepath.Join(p.t.TempDir(), "own & <b>.csv")
	err := os.WriteFile(file, []byte("day,grapes\n2026-01-01,7\n2026-01-02,8\n"), 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	p.Go("/provide/" + dataset + "/publish")
	p.Click("Send files from your machine")
	p.Click("Send it")
	p.Sees("Nothing was sent.", "choose a file")
	p.Type("table", "harvest")
	p.Type("split", "train")
	p.do("choose a file", chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file}))
	p.Click("Send it")
	p.Sees("It was sent: harvest/train/own & <b>.csv", "Publish what you sent")
	p.Type("version", "sent")
	p.Click("Look first")
	p.comes("All files were read, and nothing is published yet.")
	p.Sees("harvest", "grapes", "2 rows")
	p.Click("Publish it")
	p.comes("To the dataset")
	p.Sees("published", "2 rows")
}

// opens opens the first table behind a picture whose title contains these words.
func (p *Person) opens(words string) {
	p.t.Helper()
	at := fmt.Sprintf(`(//main//summary[contains(., %q)])[1]`, words)
	p.do("open "+words, chromedp.ScrollIntoView(at), chromedp.Click(at))
}

// value is what stands in a field.
func (p *Person) value(id string) string {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Value(chromedp.CSS("#"+id)))
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// lines are those of a block to copy.
func (p *Person) lines(id string) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.TextContent(chromedp.CSS("#"+id+" code")))
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// bars: an organisation is barred from all that a provider has, its agreements end, and it may ask again when that is lifted.
func bars(t *testing.T, s *Site) {
	p := s.Visit(t, Reader{Language: "fr"})
	p.Go("/provide")
	p.Click("Example AI Factory")
	p.choose("hospital")
	p.Sees("Mes jeux de données", "Qui lit vos données en ce moment", "Personne en ce moment.")
	p.Go("/provide/bar?participant=https://university.example")
	p.Sees("Exclure Example University")
	p.Type("reason", "ils ont enfreint les conditions")
	p.Click("L’exclure maintenant")
	p.Sees("Elle est exclue.", "Aucun accord.")
	p.Click("Lever l’exclusion")
	p.Sees("Elle peut de nouveau demander.")
	p.Go("/provide/new")
	p.Sees("Enregistrer un jeu de données", "Espace de données")
	p.Click("L’enregistrer")
	p.Sees("Rien n’a été envoyé")
}

// liveCheck: while a description is typed, what it would come to stands beside it.
func liveCheck(t *testing.T, s *Site) {
	p := s.Visit(t, Reader{})
	p.Go("/provide/new")
	p.Click("Example AI Factory")
	p.choose("agronomy")
	p.live("countries", "Atlantis")
	p.comes("Atlantis")
	p.live("title", "Wheat")
	p.live("countries", "FR")
	p.live("space", "agriculture")
	p.comes("the agriculture space demands it (/licence)")
	p.live("licence", "CC-BY-4.0")
	p.comes("Nothing is wrong with it.")
	if !strings.HasSuffix(p.Path(), "/provide/new") {
		t.Errorf("the page was left for %s", p.Path())
	}
}

// live types as a person does, so that scripts see it.
func (p *Person) live(id, value string) {
	p.t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Evaluate[json.RawMessage](fmt.Sprintf(
		`(() => { const f = document.getElementById(%q); f.value = %q; f.dispatchEvent(new Event("change", {bubbles: true})) })(); null`, id, value)))
	if err != nil {
		p.t.Fatal(err)
	}
}

// byFile: a description is registered as a text; what is wrong has its line, and a look stores nothing.
func byFile(t *testing.T, s *Site) {
	p := s.Visit(t, Reader{NoScripts: true})
	p.Go("/provide/file")
	p.Click("Example AI Factory")
	p.choose("agronomy")
	text := "space: agriculture\ntitle: {en: Rye by file}\nlicence: CC0-1.0\ncountries: [FR]\n"
	p.Type("text", text+"titel: x\n")
	p.Click("Check")
	p.Sees(`line 5: "titel" is not a member that is known here`)
	if kept := p.value("text"); !strings.Contains(kept, "titel: x") {
		t.Errorf("what was typed is gone: %q", kept)
	}
	p.Type("text", text)
	p.Click("Check")
	p.Sees("Nothing is wrong with it.", "Rye by file")
	p.Click("Register it")
	p.Sees("Rye by file", "Under which terms?", "The holder looks at each request.")
}
