package page

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/schemas"
)

// A form with a large file is not read before its page asks for it: the file goes on as it comes, and no part of it is kept.
// Its length has to be known before, and a form says only that of all of it. So the file stands last, and what is
// left when the head of its part was read is the file and the end of the form:
//
//	--B CRLF head CRLF CRLF value CRLF --B CRLF head CRLF CRLF file CRLF --B-- CRLF
//	└──────────────── read and held, ≤ maxForm ───────────────┘└ Size ┘

// MostStreamed is what a form with a large file sends at most, in bytes.
const MostStreamed = 8_000_000_000

// What a file that comes may take.
const (
	streamIdle = time.Minute      // between two parts of it
	streamTime = 6 * time.Hour    // for all of it
	streamTurn = 10 * time.Second // for her own one before to end, and for others
	mostRest   = 256 << 20        // bytes that are read of a file that was refused, so that its sender sees why
)

// mostStreams is how many large files come at once, each person's one after the other; each is one of mostSent too.
const mostStreams = mostSent / 2

// Sent is the file of a form, as it comes.
type Sent struct {
	Name string // as its sender calls it: without folders
	Size int64  // bytes that come
	io.Reader
}

// mountStream adds a form whose file is read by what answers it.
func (s *Site) mountStream(r gin.IRouter, path string, write func(v *Visit) error) {
	r.POST(path, func(c *gin.Context) { s.stream(c, write) })
	r.GET(path, func(c *gin.Context) { c.Redirect(http.StatusSeeOther, formPage(c.Request.URL.EscapedPath())) })
}

// stream lets through what a form of this site sent, of somebody who signed in, when it is her turn.
func (s *Site) stream(c *gin.Context, write func(v *Visit) error) {
	v := s.visit(c.Writer, c.Request)
	v.ID = c.Param("id")
	err := s.ours(c.Request)
	if err == nil {
		err = v.enter()
	}
	if err == nil {
		err = v.signedIn()
	}
	if err != nil {
		s.fail(v, err)
		return
	}
	back, err := s.turn(v)
	if err == nil {
		defer back()
		body := &coming{body: c.Request.Body, c: http.NewResponseController(c.Writer), end: time.Now().Add(streamTime)}
		c.Request.Body = body
		v.W = &after{ResponseWriter: c.Writer, first: body.rest}
		v.Sent, err = sent(c.Request)
	}
	if err == nil {
		err = write(v)
	}
	if err != nil {
		s.fail(v, err)
	}
}

// turn waits for the turn of somebody who sends a large file; back gives it back. Errors: Busy.
func (s *Site) turn(v *Visit) (back func(), err error) {
	ctx, end := context.WithTimeout(v.Ctx(), streamTurn)
	defer end()
	busy := schemas.Errorf(schemas.Busy, "form", "many files are being sent: send it again in a moment")
	done, err := s.streams.Take(ctx, schemas.Principal{Issuer: v.Me.Issuer, Subject: v.Me.Subject})
	if err != nil {
		return nil, busy
	}
	select {
	case s.sent <- struct{}{}:
		return func() { <-s.sent; done() }, nil
	default:
		done()
		return nil, busy
	}
}

// sent reads what stands before the file of a form, which becomes the form's fields. Errors: Invalid, TooLarge.
func sent(r *http.Request) (*Sent, error) {
	unread := func(why string) error {
		return &schemas.Error{Kind: schemas.Invalid, Subject: "form", Message: "the form cannot be read: " + why + "; nothing was done",
			Remedy: "go back and send it again"}
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil || kind != "multipart/form-data" || params["boundary"] == "":
		return nil, unread("it is none with a file")
	case r.ContentLength < 0:
		return nil, unread("it does not say how long it is")
	case r.ContentLength > MostStreamed:
		return nil, &schemas.Error{Kind: schemas.TooLarge, Subject: "form", Message: "the file is larger than a page takes; nothing was done",
			Remedy: "send it with the command line: guichet publish; or put it into a store"}
	}
	head := &kept{r: r.Body}
	parts := multipart.NewReader(head, params["boundary"])
	r.PostForm = url.Values{}
	for n := 1; ; n++ {
		p, err := parts.NextPart()
		if err != nil {
			return nil, unread("it holds no file")
		}
		if name := p.FileName(); name != "" || p.FormName() == "file" {
			begins := begin(head.bytes, params["boundary"], n)
			size := r.ContentLength - int64(begins) - int64(len("\r\n--"+params["boundary"]+"--\r\n"))
			if begins < 0 || size < 0 {
				return nil, unread("it does not end as forms do")
			}
			head.done = true
			retyped(r.PostForm)
			return &Sent{name, size, p}, nil
		}
		value, err := io.ReadAll(io.LimitReader(p, maxForm))
		if err != nil || len(head.bytes) >= maxForm {
			return nil, unread("what stands before the file is too long")
		}
		r.PostForm.Add(p.FormName(), string(value))
	}
}

// begin finds where the content of the n-th part of a form begins, in bytes from its own beginning; -1 where it does not.
func begin(form []byte, boundary string, n int) int {
	at, mark := 0, []byte("--"+boundary+"\r\n")
	for ; n > 0; n-- {
		i := bytes.Index(form[at:], mark)
		for i > 0 && !bytes.HasSuffix(form[:at+i], []byte("\r\n")) { // in the middle of a line it is none
			next := bytes.Index(form[at+i+1:], mark)
			if next < 0 {
				return -1
			}
			i += 1 + next
		}
		if i < 0 {
			return -1
		}
		at += i + len(mark)
	}
	i := bytes.Index(form[at:], []byte("\r\n\r\n"))
	if i < 0 {
		return -1
	}
	return at + i + len("\r\n\r\n")
}

// kept keeps what is read until it is done, of the beginning of a form.
type kept struct {
	r     io.Reader
	bytes []byte
	done  bool
}

func (k *kept) Read(b []byte) (int, error) {
	n, err := k.r.Read(b)
	if !k.done {
		k.bytes = append(k.bytes, b[:n]...)
		if len(k.bytes) > 2*maxForm {
			return n, errors.New("there is too much before the file")
		}
	}
	return n, err
}

// coming is a body that has time as long as it comes.
type coming struct {
	body io.ReadCloser
	c    *http.ResponseController
	end  time.Time
	over bool // nothing more comes
}

func (b *coming) Read(p []byte) (int, error) {
	until := time.Now().Add(streamIdle)
	if b.end.Before(until) {
		until = b.end
	}
	_ = b.c.SetReadDeadline(until) // not every writer can; then the server's own limit stands
	n, err := b.body.Read(p)
	if err != nil {
		b.over = true
		_ = b.c.SetReadDeadline(time.Time{}) // what is done with it may take longer
	}
	return n, err
}

// Close implements io.Closer.
func (b *coming) Close() error { return b.body.Close() }

// rest reads what is left of a body that nobody wanted: else the connection would break before its sender reads why.
func (b *coming) rest() {
	if !b.over {
		_, _ = io.CopyN(io.Discard, b, mostRest) // it may have broken off
	}
}

// after is an answer that begins when something was done first.
type after struct {
	http.ResponseWriter
	first func()
	begun bool
}

func (a *after) WriteHeader(status int) {
	if !a.begun {
		a.begun = true
		a.first()
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *after) Write(b []byte) (int, error) {
	if !a.begun {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (a *after) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Called is the name of a file without the folders that some browsers send with it.
func (s *Sent) Called() string { return s.Name[strings.LastIndexAny(s.Name, `/\`)+1:] }
