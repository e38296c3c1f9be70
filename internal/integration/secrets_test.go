package integration

// Secrets that are planted in the shared server. They need escaping in URLs, so that every way of writing them is another.
const (
	plantedPassword = "pl4nted/pass+word?&="
	plantedBearer   = "pl4nted bearer/tök+en="
	plantedInURL    = "pl4nted/in a+url&="
)

// plantedEnviron are the variables that set them.
func plantedEnviron() []string {
	return []string{
		"EVERHOOK_SECRET_PLANTED_PASSWORD=" + plantedPassword, "EVERHOOK_SECRET_PLANTED_BEARER=" + plantedBearer, "EVERHOOK_SECRET_PLANTED_URL=" + plantedInURL,
	}
}
