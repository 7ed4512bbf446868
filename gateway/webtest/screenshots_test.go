package webtest

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// screenshots keeps a picture of every page in a folder: in both themes, on a phone, in French; and those that README shows.
func screenshots(t *testing.T, s *Site, dir string) {
	pages := all(t, s)
	p := s.Visit(t, Reader{})
	p.Go("/")
	p.SignIn("Sign in", "Example AI Factory", "trainer")
	p.Go("/datasets?project=crop-yield-2027")
	p.small(filepath.Join(repository(t), "docs", "pictures", "search.png"))
	for _, path := range pages["trainer"] {
		if strings.HasSuffix(path, "/ask") {
			p.Go(path)
			p.small(filepath.Join(repository(t), "docs", "pictures", "ask.png"))
		}
	}
	for name, r := range map[string]Reader{"light": {}, "dark": {Dark: true}, "phone": {Width: 360}, "french": {Language: "fr"}} {
		folder := filepath.Join(dir, name)
		err := os.MkdirAll(folder, 0o700)
		if err != nil {
			t.Fatal(err)
		}
		for who, paths := range pages {
			p := s.Visit(t, r)
			if who != "" {
				p.Go("/me")
				p.clickAt(`//main//button[normalize-space(.)="Example AI Factory"]`, "the issuer")
				p.choose(who)
			}
			for _, path := range paths {
				p.Go(path)
				p.Shot(filepath.Join(folder, pictured(who, path)))
			}
		}
	}
}

// pictured names the picture of a page: ids are left out, so that the same page has the same name at each making.
func pictured(who, path string) string {
	id := regexp.MustCompile(`/(ds|agr|req|run)-[a-z0-9]+`)
	name := id.ReplaceAllString(path, "/$1")
	name = strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(name, "-"), "-")
	return cmp.Or(who, "anybody") + "-" + cmp.Or(name, "home") + ".png"
}

// TestPicturesHaveNames: the same page has the same name at each making, and no two pages one name.
func TestPicturesHaveNames(t *testing.T) {
	for path, want := range map[string]string{
		"/": "anybody-home.png", "/datasets/ds-abc123/ask": "anybody-datasets-ds-ask.png", "/datasets?q=winter+wheat": "anybody-datasets-q-winter-wheat.png",
	} {
		if got := pictured("", path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// Shot keeps a picture of the whole page in a file.
func (p *Person) Shot(file string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(file, png, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// small keeps a picture of what the window shows first, at half its size.
func (p *Person) small(file string) {
	p.t.Helper()
	r, err := chromedp.Run(p.ctx, func(ctx context.Context, t *chromedp.Target) (page.CaptureScreenshotResult, error) {
		return cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{
			Format: page.CaptureScreenshotFormatPng, Clip: &page.Viewport{Width: 1200, Height: 800, Scale: 0.55},
		})
	})
	if err == nil {
		err = os.WriteFile(file, r.Data, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}
