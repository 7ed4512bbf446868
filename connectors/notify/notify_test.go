package notify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// A receiver verifies a call with the public key alone, as Standard Webhooks says; what is
// not 2xx was not taken, and a redirect is no answer.
func TestWebhook(t *testing.T) {
	t.Parallel()
	w := NewWebhook(bytes.Repeat([]byte{7}, ed25519.SeedSize), http.DefaultTransport)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(w.PublicKey(), "whpk_"))
	if err != nil {
		t.Fatal(err)
	}
	answer, calls := http.StatusNoContent, 0
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		calls++
		body, _ := io.ReadAll(r.Body)
		version, signature, _ := strings.Cut(r.Header.Get("webhook-signature"), ",")
		sig, err := base64.StdEncoding.DecodeString(signature)
		signed := r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)
		if err != nil || version != "v1a" || !ed25519.Verify(key, []byte(signed), sig) || ed25519.Verify(key, []byte(signed+" "), sig) {
			t.Errorf("the signature %q of %s does not hold", r.Header.Get("webhook-signature"), signed)
		}
		rw.Header().Set("Location", "/elsewhere")
		rw.WriteHeader(answer)
	}))
	t.Cleanup(srv.Close)
	for _, status := range []int{204, 200, 302, 410, 500} {
		answer, calls = status, 0
		got, err := w.Send(t.Context(), srv.URL, "msg-1", time.Unix(1764331200, 0), []byte(`{"type":"request.pending"}`))
		if got != status || calls != 1 || (err == nil) != (status < 300) {
			t.Errorf("%d: %d after %d calls, %v", status, got, calls, err)
		}
	}
	srv.Close()
	_, err = w.Send(t.Context(), srv.URL, "msg-1", time.Now(), nil)
	if err == nil || !strings.Contains(err.Error(), "nothing listens there") {
		t.Errorf("nobody there: %v", err)
	}
}

// postbox is an SMTP server that keeps what it is sent.
type postbox struct {
	got  chan string
	deny bool
}

func (p *postbox) NewSession(*smtp.Conn) (smtp.Session, error) { return p, nil }
func (p *postbox) Mail(string, *smtp.MailOptions) error        { return nil }
func (p *postbox) Rcpt(string, *smtp.RcptOptions) error {
	if p.deny {
		return errors.New("nobody of that name")
	}
	return nil
}

func (p *postbox) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	p.got <- string(b)
	return err
}
func (p *postbox) Reset()        {}
func (p *postbox) Logout() error { return nil }

// listen runs a postbox; cert nil is without TLS.
func listen(t *testing.T, p *postbox, cert *tls.Certificate) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := smtp.NewServer(p)
	s.Domain, s.AllowInsecureAuth = "localhost", true
	if cert != nil {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cert}}
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// A mail server gets one text with its subject and an id, without TLS on this machine
// alone; elsewhere a server without TLS, or one that nobody signed, gets nothing.
func TestMail(t *testing.T) {
	t.Parallel()
	p := &postbox{got: make(chan string, 4)}
	plain := MailServer{Server: listen(t, p, nil), From: "guichet@factory.example", Plain: true}
	err := errors.Join(plain.Check(), plain.Send(t.Context(), "data@agronomy.example", "msg-1", "Eine Anfrage wartet: Fahrgäste", "See there.\n"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(strings.NewReader(<-p.got))
	if err != nil || m.Header.Get("Message-Id") != "<msg-1@127.0.0.1>" || !strings.Contains(m.Header.Get("To"), "data@agronomy.example") || m.Header.Get("Subject") == "" {
		t.Errorf("the mail is %+v, %v", m, err)
	}
	err = plain.Send(t.Context(), "data@agronomy.example\r\nBcc: all@example.org", "msg-2", "x", "y")
	if err == nil {
		t.Error("an address with a line of its own was taken")
	}
	strict := plain
	strict.Plain = false
	if err := strict.Send(t.Context(), "data@agronomy.example", "msg-3", "x", "y"); err == nil {
		t.Error("a server without TLS got mail")
	}
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	t.Cleanup(cert.Close)
	over := MailServer{Server: listen(t, p, &cert.TLS.Certificates[0]), From: "guichet@factory.example"}
	if err := over.Send(t.Context(), "data@agronomy.example", "msg-4", "x", "y"); err == nil {
		t.Error("a server whose certificate nobody signed got mail")
	}
	over.Roots = x509.NewCertPool()
	over.Roots.AddCert(cert.Certificate())
	if err := over.Send(t.Context(), "data@agronomy.example", "msg-5", "x", "y"); err != nil || !strings.Contains(<-p.got, "msg-5") {
		t.Errorf("over TLS: %v", err)
	}
	p.deny = true
	if err := plain.Send(t.Context(), "data@agronomy.example", "msg-6", "x", "y"); err == nil || !strings.Contains(err.Error(), "nobody of that name") {
		t.Errorf("a recipient that is refused: %v", err)
	}
}

func TestMailSettings(t *testing.T) {
	t.Parallel()
	for _, m := range []MailServer{{Server: "smtp.example", From: "a@b.example"}, {Server: ":25", From: "a@b.example"}, {Server: "smtp.example:25", From: "nobody"}, {Server: "smtp.example:25", From: "a@b.example", Plain: true}} {
		if m.Check() == nil {
			t.Errorf("%+v was taken", m)
		}
	}
}
