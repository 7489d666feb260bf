package store

// SetFailurePoint puts f before each step of a batch, of stores opened from now.
func SetFailurePoint(f func(step string) error) { failurePoint = f }
