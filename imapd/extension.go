package imapd

import "github.com/emersion/go-imap/v2"

// extension is a capability with the commands it brings. CAPABILITY is written
// from this table, in its order.
type extension struct {
	capability imap.Cap
	offered    func(*session) bool     // nil: always
	values     func(*session) []string // one word for each, behind capability; nil: capability alone
	commands   []command
}

var extensions = []extension{
	{capability: imap.CapIMAP4rev1},
	{capability: imap.CapIMAP4rev2},
	{capability: imap.CapStartTLS, offered: (*session).mayStartTLS},
	{capability: imap.CapLoginDisabled, offered: (*session).loginDisabled},
	{capability: "AUTH=", values: (*session).mechanisms},
	{capability: imap.CapLiteralPlus}, // RFC 7888, in wire
	{capability: imap.CapSASLIR},      // RFC 4959
	{capability: imap.CapID, commands: []command{{"ID", always, 0, (*session).id}}},
	{capability: imap.CapEnable, commands: []command{{"ENABLE", member, 0, (*session).enable}}},
	{capability: "COMPRESS=DEFLATE", offered: (*session).mayCompress, commands: []command{{"COMPRESS", loggedIn, 0, (*session).compress}}},
	{capability: imap.CapIdle, commands: []command{{"IDLE", loggedIn, 0, (*session).idle}}},
	{capability: imap.CapNotify, commands: []command{{"NOTIFY", loggedIn, asks, (*session).notifyCommand}}},
	{capability: imap.CapUnauthenticate, commands: []command{{"UNAUTHENTICATE", loggedIn, movesView, (*session).unauthenticate}}},
	{capability: "INPROGRESS"}, // RFC 9585
	{capability: imap.CapNamespace, commands: []command{{"NAMESPACE", loggedIn, 0, (*session).namespace}}},
	{capability: imap.CapChildren},         // RFC 3348
	{capability: imap.CapSpecialUse},       // RFC 6154
	{capability: imap.CapCreateSpecialUse}, // RFC 6154 §3
	{capability: imap.CapListExtended},     // RFC 5258
	{capability: imap.CapListStatus},       // RFC 5819
	{capability: imap.CapStatusSize},       // RFC 8438
	{capability: imap.CapUnselect, commands: []command{{"UNSELECT", selected, movesView, (*session).unselect}}},
	{capability: imap.CapUIDPlus, commands: []command{{"UID EXPUNGE", selected, byUID | asks, (*session).expunge}}},
	{capability: imap.CapCondStore}, // RFC 7162
	{capability: imap.CapQResync},   // RFC 7162
	{capability: "UIDONLY"},         // RFC 9586
	{capability: imap.CapObjectID},  // RFC 8474
	{capability: imap.CapSaveDate},  // RFC 8514
	{capability: "PREVIEW"},         // RFC 8970
	{capability: imap.CapMove, commands: []command{
		{"MOVE", selected, asks, (*session).move},
		{"UID MOVE", selected, byUID | asks, (*session).move},
	}},
	{capability: imap.CapESearch},   // RFC 4731
	{capability: imap.CapSearchRes}, // RFC 5182
	{capability: imap.CapSort, commands: []command{ // RFC 5256
		{"SORT", selected, keepsNumbers | whole, (*session).sort},
		{"UID SORT", selected, byUID | whole, (*session).sort},
	}},
	{capability: imap.CapSortDisplay}, // RFC 5957
	{capability: "THREAD=ORDEREDSUBJECT", commands: []command{ // RFC 5256
		{"THREAD", selected, keepsNumbers | whole, (*session).thread},
		{"UID THREAD", selected, byUID | whole, (*session).thread},
	}},
	{capability: "THREAD=REFERENCES"},
	{capability: "THREAD=REFS"}, // draft-ietf-morg-inthread
	{capability: imap.CapESort}, // RFC 5267
	{capability: "MULTISEARCH", commands: []command{{"ESEARCH", loggedIn, byUID, (*session).multisearch}}}, // RFC 7377
	{capability: "CONTEXT=SEARCH", commands: []command{{"CANCELUPDATE", selected, 0, (*session).cancelUpdate}}},
	{capability: "CONTEXT=SORT"},     // RFC 5267
	{capability: "PARTIAL"},          // RFC 9394
	{capability: "SEARCH=FUZZY"},     // RFC 6203
	{capability: imap.CapWithin},     // RFC 5032
	{capability: imap.CapUTF8Accept}, // RFC 6855
	{capability: imap.CapQuota, commands: []command{
		{"GETQUOTA", loggedIn, 0, (*session).getQuota},
		{"GETQUOTAROOT", loggedIn, 0, (*session).getQuotaRoot},
		{"SETQUOTA", loggedIn, 0, (*session).setQuota},
	}},
	{capability: imap.CapACL, commands: []command{ // RFC 4314
		{"SETACL", loggedIn, 0, (*session).setACL},
		{"DELETEACL", loggedIn, 0, (*session).deleteACL},
		{"GETACL", loggedIn, 0, (*session).getACL},
		{"LISTRIGHTS", loggedIn, 0, (*session).listRights},
		{"MYRIGHTS", loggedIn, 0, (*session).myRights},
	}},
	{capability: "RIGHTS=", values: (*session).aclRights},
	{capability: "LIST-MYRIGHTS"}, // RFC 8440
	{capability: imap.CapMetadata, commands: []command{ // RFC 5464
		{"GETMETADATA", loggedIn, 0, (*session).getMetadata},
		{"SETMETADATA", loggedIn, 0, (*session).setMetadata},
	}},
	{capability: "LIST-METADATA"},     // RFC 9590
	{capability: "QUOTA=RES-STORAGE"}, // RFC 9208
	{capability: "QUOTA=RES-MESSAGE"},
	{capability: "QUOTA=RES-MAILBOX"},
	{capability: "QUOTA=RES-ANNOTATION-STORAGE"},
	{capability: imap.CapQuotaSet, offered: (*session).setsQuota},
	{capability: imap.CapMultiAppend}, // RFC 3502
	{capability: imap.CapBinary},      // RFC 3516
	{capability: imap.CapCatenate},    // RFC 4469
	{capability: "URL-PARTIAL"},       // RFC 5550 §4
	{capability: imap.CapReplace, commands: []command{ // RFC 8508
		{"REPLACE", selected, asks, (*session).replace},
		{"UID REPLACE", selected, byUID | asks, (*session).replace},
	}},
	{capability: imap.CapAppendLimit + "=", values: (*session).appendLimit}, // RFC 7889
	{capability: "MESSAGELIMIT=", values: (*session).messageLimit},          // RFC 9738
}
