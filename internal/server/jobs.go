package server

import (
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/jobs"
)

// newJobs makes the jobs of the admin API.
func (s *Server) newJobs(o admin.Options) *jobs.Jobs {
	return jobs.New(jobs.Options{Store: s.store, Works: admin.JobWorks(o), Actor: s.access.ActorNow, Logger: s.logger})
}
