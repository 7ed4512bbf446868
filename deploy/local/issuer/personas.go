package issuer

// Client is one party that may fetch tokens: its id is the token's subject.
type Client struct {
	ID          string   `json:"id"`
	Secret      string   `json:"secret"`
	Participant string   `json:"participant"`
	Roles       []string `json:"roles"`
	Mail        string   `json:"mail,omitempty"` // verified
}

// Operators returns the personas of the operator's own issuer, without
// secrets.
func Operators() []Client {
	return []Client{
		{ID: "operator", Participant: "https://factory.example", Roles: []string{"operator"}},
		{ID: "officer", Participant: "https://factory.example", Roles: []string{"officer"}},
		{ID: "trainer", Participant: "https://crop-ai.example", Roles: []string{"trainer"}},
		{ID: "agronomy", Participant: "https://agronomy.example", Roles: []string{"provider"}},
		{ID: "hospital", Participant: "https://hospital.example", Roles: []string{"provider"}},
		{ID: "grid", Participant: "https://grid.example", Roles: []string{"provider"}},
		{ID: "transit", Participant: "https://transit.example", Roles: []string{"provider"}},
		// Of no organisation yet.
		{ID: "newcomer", Roles: []string{"trainer", "provider"}, Mail: "newcomer@fields.example"},
		{ID: "colleague", Roles: []string{"trainer", "provider"}, Mail: "colleague@fields.example"},
		{ID: "stranger", Roles: []string{"trainer", "provider"}},
		{ID: "visitor", Roles: []string{"trainer", "provider"}},
		{ID: "friend", Roles: []string{"trainer", "provider"}},
		{ID: "arrival", Roles: []string{"trainer", "provider"}},
		{ID: "arrivante", Roles: []string{"trainer", "provider"}},
	}
}

// Partners returns the personas of the second issuer. The impostor's tokens
// claim to speak for the hospital; a gateway that bound the hospital to the
// first issuer must refuse them.
func Partners() []Client {
	return []Client{
		{ID: "researcher", Participant: "https://university.example", Roles: []string{"trainer"}},
		{ID: "impostor", Participant: "https://hospital.example", Roles: []string{"provider"}},
	}
}
