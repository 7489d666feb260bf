package main

// checkSources tells of addresses to send from that this host does not have. It is
// for `config check`: the server starts all the same, since an address may come
// after it, and warns.
func (c *Config) checkSources() error {
	j := &judgement{file: c.file, data: c.text}
	for _, err := range c.relay().CheckSources() {
		key, nth, what := splitCheck(err)
		j.mistake(key, nth, "%s", what)
	}
	if err := j.err(); err != nil {
		return usage(err)
	}
	return nil
}
