package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"

	"github.com/wneessen/go-mail"

	"guichet/schemas"
)

// MailServer takes our mail.
type MailServer struct {
	Server   string // host:port; 465 speaks TLS from the start, other ports after STARTTLS
	From     string // sender
	User     string // "": without signing in
	Password string
	Plain    bool           // without TLS: a server on this machine
	Roots    *x509.CertPool // nil: the system's
}

// Check says what is wrong with the settings. Errors: Invalid.
func (m *MailServer) Check() error {
	host, port, err := net.SplitHostPort(m.Server)
	n, e := strconv.Atoi(port)
	if err != nil || host == "" || e != nil || n < 1 || n > 65535 {
		return schemas.BadField("settings", "mail.server", "%q is not a mail server; write it like smtp.example:587", m.Server)
	}
	if m.Plain && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return schemas.BadField("settings", "mail.plain", "without TLS mail goes to a server on this machine only")
	}
	err = mail.NewMsg().From(m.From)
	if err != nil {
		return schemas.BadField("settings", "mail.from", "%q is not an address of mail", m.From)
	}
	return nil
}

// Send sends one text. id makes the Message-ID, so that a mail that is sent twice is
// seen to be one.
func (m *MailServer) Send(ctx context.Context, to, id, subject, text string) error {
	host, port, err := net.SplitHostPort(m.Server)
	if err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	options := []mail.Option{
		mail.WithPort(n),
		mail.WithTimeout(Patience),
		mail.WithTLSConfig(&tls.Config{ServerName: host, RootCAs: m.Roots, MinVersion: tls.VersionTLS12}),
		mail.WithTLSPolicy(mail.TLSMandatory),
	}
	if n == 465 {
		options = append(options, mail.WithSSL())
	}
	if m.Plain {
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if m.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.User), mail.WithPassword(m.Password))
	}
	c, err := mail.NewClient(host, options...)
	if err != nil {
		return fmt.Errorf("send mail by %s: %w", m.Server, err)
	}
	msg := mail.NewMsg()
	err = msg.From(m.From)
	if err == nil {
		err = msg.To(to)
	}
	if err != nil {
		return fmt.Errorf("send mail to %s: %w", to, err)
	}
	msg.Subject(subject)
	msg.SetMessageIDWithValue(id + "@" + host)
	msg.SetBodyString(mail.TypeTextPlain, text)
	err = c.DialAndSendWithContext(ctx, msg)
	if err != nil {
		return fmt.Errorf("send mail by %s: %w", m.Server, err)
	}
	return nil
}
