// Package trust says whose certificates are believed beside those that the system knows,
// and puts into words why something at an address does not answer.
//
// In: a PEM file of certificate authorities, errors of connections. Out: a pool of roots,
// an error that names the certificate, the name or the port that is wrong. Always: nothing
// is believed that neither the system nor the file names. It must not know what is asked
// of whom.
package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"guichet/schemas"
)

// Roots are the system's certificate authorities and those of a PEM file; nil, which is
// the system's alone, for "". Errors: Invalid for a file without a certificate.
func Roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // what crypto/tls takes for the system's
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, schemas.Errorf(schemas.Invalid, file, "the certificate authorities cannot be read: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // a machine without any
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(b) {
		return nil, &schemas.Error{
			Kind:    schemas.Invalid,
			Subject: file,
			Message: "there is no certificate in " + file,
			Remedy:  "give the authority's certificate as PEM, which begins with -----BEGIN CERTIFICATE-----",
		}
	}
	return pool, nil
}

// Transport is http.DefaultTransport's way with these roots.
func Transport(roots *x509.CertPool) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http says so
	if roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return t
}

// Fault is Unavailable: why what at an address does not answer, and what helps. what names
// it, like "the gateway"; remedy is what helps where nothing closer can be told.
func Fault(what, address, remedy string, err error) *schemas.Error {
	out := &schemas.Error{
		Kind:    schemas.Unavailable,
		Subject: address,
		Message: fmt.Sprintf("%s at %s does not answer", what, address),
		Remedy:  remedy,
		Err:     err,
	}
	const believe = "if you know the authority, name its certificate (PEM): --ca FILE on the command line, ca: FILE in a gateway's " +
		"settings, or SSL_CERT_FILE"
	at := fmt.Sprintf("%s at %s ", what, address)
	unknown, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	name, isName := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	_, isRecord := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case isUnknown:
		out.Message, out.Remedy = at+"shows a certificate that nobody known here has signed"+about(unknown.Cert), believe
	case isName:
		out.Message = fmt.Sprintf("%sshows a certificate for another name: it is for %s, not for %s", at,
			strings.Join(namesOf(name.Certificate), ", "), name.Host)
		out.Remedy = "use a name that is in the certificate, or let its operator renew it with this one"
	case isInvalid && invalid.Reason == x509.Expired:
		out.Message = fmt.Sprintf("%sshows a certificate that is valid from %s to %s; here it is %s", at,
			invalid.Cert.NotBefore.Format(time.DateOnly), invalid.Cert.NotAfter.Format(time.DateOnly),
			time.Now().UTC().Format(time.DateTime))
		out.Remedy = "let its operator renew it, or set this machine's clock"
	case isInvalid:
		out.Message, out.Remedy = at+"shows a certificate that is not valid: "+invalid.Error(), believe
	case isRecord || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"): // net/http has no type for it
		out.Message, out.Remedy = at+"answers without TLS", "write http:// where that is meant"
	case isDNS && dns.IsNotFound:
		out.Message, out.Remedy = fmt.Sprintf("there is no host %s", dns.Name), "check the name in "+address
	case errors.Is(err, syscall.ECONNREFUSED):
		out.Message += ": nothing listens there"
	}
	return out
}

// about says of a certificate what its reader can look for.
func about(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	if c.Issuer.String() == c.Subject.String() {
		return fmt.Sprintf(" (it signed itself: %s)", c.Subject)
	}
	return fmt.Sprintf(" (%s, signed by %s)", c.Subject, c.Issuer)
}

func namesOf(c *x509.Certificate) []string {
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = append(names, c.Subject.String())
	}
	return names
}
