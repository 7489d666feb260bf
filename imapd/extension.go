package imapd

// extension is a capability with the commands it brings. CAPABILITY is written
// from this table, in its order.
type extension struct {
	capability string
	offered    func(*session) bool     // nil: always
	values     func(*session) []string // one word for each, behind capability; nil: capability alone
	commands   []command
}

var extensions = []extension{
	{capability: "IMAP4rev1"},
	{capability: "IMAP4rev2"},
	{capability: "STARTTLS", offered: (*session).mayStartTLS},
	{capability: "LOGINDISABLED", offered: (*session).loginDisabled},
	{capability: "AUTH=", values: (*session).mechanisms},
	{capability: "LITERAL+"}, // RFC 7888, in wire
	{capability: "SASL-IR"},  // RFC 4959
	{capability: "ID", commands: []command{{"ID", always, 0, (*session).id}}},
	{capability: "ENABLE", commands: []command{{"ENABLE", member, 0, (*session).enable}}},
	{capability: "IDLE", commands: []command{{"IDLE", loggedIn, 0, (*session).idle}}},
	{capability: "NAMESPACE", commands: []command{{"NAMESPACE", loggedIn, 0, (*session).namespace}}},
	{capability: "CHILDREN"},           // RFC 3348
	{capability: "SPECIAL-USE"},        // RFC 6154
	{capability: "CREATE-SPECIAL-USE"}, // RFC 6154 §3
	{capability: "LIST-EXTENDED"},      // RFC 5258
	{capability: "LIST-STATUS"},        // RFC 5819
	{capability: "STATUS=SIZE"},        // RFC 8438
	{capability: "UNSELECT", commands: []command{{"UNSELECT", selected, movesView, (*session).unselect}}},
	{capability: "UIDPLUS", commands: []command{{"UID EXPUNGE", selected, byUID, (*session).expunge}}},
	{capability: "MOVE", commands: []command{
		{"MOVE", selected, 0, (*session).move},
		{"UID MOVE", selected, byUID, (*session).move},
	}},
	{capability: "ESEARCH"},     // RFC 4731
	{capability: "SEARCHRES"},   // RFC 5182
	{capability: "UTF8=ACCEPT"}, // RFC 6855
	{capability: "QUOTA", commands: []command{
		{"GETQUOTA", loggedIn, 0, (*session).getQuota},
		{"GETQUOTAROOT", loggedIn, 0, (*session).getQuotaRoot},
		{"SETQUOTA", loggedIn, 0, (*session).setQuota},
	}},
	{capability: "QUOTA=RES-STORAGE"}, // RFC 9208
	{capability: "QUOTA=RES-MESSAGE"},
	{capability: "APPENDLIMIT=", values: (*session).appendLimit}, // RFC 7889
}
