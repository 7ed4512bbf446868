// Package webtest drives the pages as people do, in a real browser, against a whole demo.
//
// In: the product's binary, the demo's issuers and store, Chromium. Out: each role's task done by
// clicking, with scripts and without, and what it weighs. It must not know how pages are made.
//
// A test is what people do, in their order: open a page, press what shows these words, type into a field, see what comes.
// A Person has a browser of her own, in which nobody is signed in; a Reader says her language, theme, window, and whether
// scripts run. GUICHET_SITE names a site that runs already, for who writes such tests.
package webtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Site is a gateway after the demo's story, with its data, people and issuers.
type Site struct {
	Address string
	Dir     string // of its data
	browser context.Context
}

// repository finds the folder with go.mod.
func repository(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}

// Start builds the binaries, tells the demo's story and starts a browser; all end with the test.
func Start(t testing.TB) *Site {
	t.Helper()
	root, dir := repository(t), t.TempDir()
	for in, build := range map[string][]string{
		root:                                {"guichet", "./cmd/guichet"},
		filepath.Join(root, "deploy/local"): {"guichet-local", "."},
	} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, build[0]), build[1])
		cmd.Dir = in
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("build %s: %v\n%s", build[0], err, out)
		}
	}
	s := &Site{Dir: filepath.Join(dir, "demo")}
	s.serve(t, dir)
	s.open(t)
	return s
}

// serve tells the story and waits until the site stays up.
func (s *Site) serve(t testing.TB, dir string) {
	t.Helper()
	var words bytes.Buffer
	cmd := exec.Command(filepath.Join(dir, "guichet"), "demo", "--listen", "127.0.0.1:0", "--flight-listen", "127.0.0.1:0", "--data", s.Dir,
		"--mib", "100")
	cmd.Stderr = &words
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	stays := regexp.MustCompile(`stays up at (http://\S+)`)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		words.Write(lines.Bytes())
		words.WriteByte('\n')
		if m := stays.FindStringSubmatch(lines.Text()); m != nil {
			s.Address = m[1]
			go func() { // it has more to say
				for lines.Scan() {
				}
			}()
			return
		}
	}
	t.Fatalf("the demo does not stay up:\n%s", words.String())
}

// open starts the browser.
func (s *Site) open(t testing.TB) {
	t.Helper()
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.NoSandbox, chromedp.WindowSize(1200, 1000), chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(time.Minute))
	all, endAll := chromedp.NewExecAllocator(context.Background(), options...)
	first, end := chromedp.NewContext(all)
	t.Cleanup(func() {
		_ = chromedp.Cancel(first)
		end()
		endAll()
	})
	err := chromedp.Do(first)
	if err != nil {
		t.Fatalf("a browser (chromium) does not start: %v", err)
	}
	s.browser = first
}

// patience is how long a page may take on a machine that does much else.
const patience = 30 * time.Second

// Person is somebody before a browser of her own: no cookies but her own.
type Person struct {
	t    testing.TB
	site *Site
	ctx  context.Context
	Name string
	// What she did by hand.
	Clicks, Fields int
}

// Reader is how a person reads.
type Reader struct {
	Language  string // en when ""
	NoScripts bool
	Dark      bool
	Width     int64 // of the window, in pixels; 1200 when 0
}

// Visit gives somebody a browser of her own.
func (s *Site) Visit(t testing.TB, r Reader) *Person {
	t.Helper()
	ctx, end := chromedp.NewContext(s.browser, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	err := chromedp.Do(ctx) // under a context without a deadline: the tab ends with the context that it began under
	if err != nil {
		t.Fatal(err)
	}
	p := &Person{t: t, site: s, ctx: ctx, Name: "a stranger"}
	if r.Language == "" {
		r.Language = "en"
	}
	if r.Width == 0 {
		r.Width = 1200
	}
	scheme := "light"
	if r.Dark {
		scheme = "dark"
	}
	p.do("start",
		call(network.Enable, network.EnableParams{}),
		call(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": r.Language}}),
		call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: r.NoScripts}),
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: r.Width, Height: 1000, DeviceScaleFactor: 1}),
		call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		}))
	return p
}

// call is a command of the browser's protocol.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, command, params)
		return chromedp.Void{}, err
	}
}

// do runs actions, and says what could not be done and what the page showed.
func (p *Person) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, end := context.WithTimeout(p.ctx, patience)
	defer end()
	err := chromedp.Do(ctx, actions...)
	if err != nil {
		p.t.Fatalf("%s cannot %s: %v\nthe page: %s", p.Name, what, err, p.Text())
	}
}

// Go opens a page of the site.
func (p *Person) Go(path string) {
	p.t.Helper()
	p.do("open "+path, chromedp.Navigate(p.site.Address+path), chromedp.WaitReady(chromedp.CSS("main")))
}

// Text is what the page says.
func (p *Person) Text() string {
	ctx, end := context.WithTimeout(p.ctx, patience)
	defer end()
	url, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return err.Error()
	}
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
	if err != nil {
		return err.Error()
	}
	return url + "\n" + text
}

// TextOf is what one part of the page says, as it is written.
func (p *Person) TextOf(selector string) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.TextContent(chromedp.CSS(selector)))
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// Count is how many parts of the page a selector finds.
func (p *Person) Count(selector string) int {
	p.t.Helper()
	n, err := chromedp.Run(p.ctx, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", selector)))
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// Path is where the person is on the site.
func (p *Person) Path() string {
	p.t.Helper()
	url, err := chromedp.Run(p.ctx, chromedp.Location())
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimPrefix(url, p.site.Address)
}

// Click presses the one link or button that shows these words, and waits for the page that comes.
func (p *Person) Click(words string) {
	p.t.Helper()
	p.clickAt(fmt.Sprintf(`//main//*[self::a or self::button or self::summary][normalize-space(.)=%q] | //header//*[self::a or self::button][normalize-space(.)=%[1]q]`, words), words)
}

// Follow presses the first link whose words contain these.
func (p *Person) Follow(words string) {
	p.t.Helper()
	p.clickAt(fmt.Sprintf(`(//main//a[contains(normalize-space(.), %q)])[1]`, words), words)
}

// FollowFirst presses the first link of a part of the page.
func (p *Person) FollowFirst(class string) {
	p.t.Helper()
	p.clickAt(fmt.Sprintf(`(//main//table[@class=%q]//a)[1]`, class), "the first of "+class)
}

func (p *Person) clickAt(xpath, words string) {
	p.t.Helper()
	p.Clicks++
	p.do("press "+words, chromedp.WaitReady(xpath), chromedp.ScrollIntoView(xpath))
	ctx, end := context.WithTimeout(p.ctx, patience)
	defer end()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(xpath))
	if err != nil {
		p.t.Fatalf("%s presses %q, and nothing comes: %v\nthe page: %s", p.Name, words, err, p.Text())
	}
	p.do("see what comes", chromedp.WaitReady(chromedp.CSS("body")))
}

// Type writes into the field of this id.
func (p *Person) Type(id, words string) {
	p.t.Helper()
	p.Fields++
	p.do("type into "+id, chromedp.SetValue(chromedp.CSS("#"+id), words))
}

// Sees fails the test unless the page says this.
func (p *Person) Sees(words ...string) {
	p.t.Helper()
	text := strings.Join(strings.Fields(p.Text()), " ")
	for _, w := range words {
		if !strings.Contains(text, w) {
			p.t.Errorf("%s does not see %q on %s", p.Name, w, text)
		}
	}
}

// Awaits is Sees for what a script of the page writes.
func (p *Person) Awaits(words string) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if strings.Contains(strings.Join(strings.Fields(p.Text()), " "), words) {
			return
		}
	}
	p.Sees(words)
}

// SignIn signs the person in as somebody of the demo, from the page where she is.
func (p *Person) SignIn(link, issuer, who string) {
	p.t.Helper()
	p.Name = who
	p.Click(link)
	p.Click(issuer)
	p.choose(who)
}

// choose says at the demo's issuer who the person is, and comes back.
func (p *Person) choose(who string) {
	p.t.Helper()
	p.Name = who
	p.Clicks++
	button := chromedp.CSS(fmt.Sprintf(`button[value=%q]`, who))
	p.do("choose who she is", chromedp.WaitReady(button))
	ctx, end := context.WithTimeout(p.ctx, patience)
	defer end()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(button))
	if err != nil {
		p.t.Fatalf("%s cannot sign in: %v\n%s", who, err, p.Text())
	}
	p.do("come back", chromedp.WaitReady(chromedp.CSS("main")))
}
