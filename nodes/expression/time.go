package expression

import "time"

func parseTime(text string) (time.Time, error) { return time.Parse(time.RFC3339, text) }
