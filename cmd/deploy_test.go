package cmd

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// composeService loads docker-compose.yml as docker compose does, and returns its only service.
func composeService(t *testing.T, environment types.Mapping) (types.ServiceConfig, error) {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: root, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(root, "docker-compose.yml")}},
		Environment: environment,
	})
	if err != nil {
		return types.ServiceConfig{}, err
	}
	require.Equal(t, []string{"everhook"}, project.ServiceNames())
	return project.GetService("everhook")
}

// variablesOf returns the environment variables that a command reads.
func variablesOf(t *testing.T, command string) map[string]bool {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Name("everhook"), kong.DefaultEnvars("EVERHOOK"))
	require.NoError(t, err)
	variables := map[string]bool{}
	for _, leaf := range parser.Model.Leaves(true) {
		if leaf.FullPath() != "everhook "+command {
			continue
		}
		for _, flag := range leaf.Flags {
			for _, name := range flag.Envs {
				variables[name] = true
			}
		}
		for _, argument := range leaf.Positional {
			for _, name := range argument.Tag.Envs {
				variables[name] = true
			}
		}
	}
	require.NotEmpty(t, variables)
	return variables
}

var token = types.Mapping{"EVERHOOK_ADMIN_TOKEN": "a-long-random-text"}

func TestTheComposeFileSetsWhatServeReads(t *testing.T) {
	t.Parallel()
	service, err := composeService(t, token)
	require.NoError(t, err)
	require.Equal(t, types.ShellCommand{"serve"}, service.Command)
	known := variablesOf(t, "serve")
	for name, value := range service.Environment {
		require.True(t, known[name], "%s is no variable of serve", name)
		require.NotNil(t, value, name)
	}
	require.Equal(t, "a-long-random-text", *service.Environment["EVERHOOK_ADMIN_TOKEN"])
	require.Equal(t, "http://127.0.0.1:13000", *service.Environment["EVERHOOK_PUBLIC_URL"])
}

func TestTheComposeFileWantsAnAdminToken(t *testing.T) {
	t.Parallel()
	_, err := composeService(t, nil)
	require.ErrorContains(t, err, "set it to a random text of 16 characters or more")
}

func TestTheComposeFilePublishesAndMountsWhatTheServerUses(t *testing.T) {
	t.Parallel()
	service, err := composeService(t, token)
	require.NoError(t, err)
	setting := func(name string) string { return *service.Environment[name] }
	_, hooks, err := net.SplitHostPort(setting("EVERHOOK_LISTEN"))
	require.NoError(t, err)
	_, admin, err := net.SplitHostPort(setting("EVERHOOK_ADMIN"))
	require.NoError(t, err)
	require.Len(t, service.Ports, 2)
	require.Equal(t, []string{hooks, admin}, []string{service.Ports[0].Published, service.Ports[1].Published})
	require.Equal(t, "127.0.0.1", service.Ports[1].HostIP, "the admin address is for this machine alone")

	mounted := map[string]types.ServiceVolumeConfig{}
	for _, volume := range service.Volumes {
		mounted[volume.Target] = volume
	}
	require.Equal(t, types.VolumeTypeVolume, mounted[setting("EVERHOOK_DATA")].Type)
	for _, name := range []string{"EVERHOOK_FLOWS", "EVERHOOK_SECRETS_DIR"} {
		volume, ok := mounted[setting(name)]
		require.True(t, ok, "%s is a folder that must exist, so it is mounted", name)
		require.True(t, volume.ReadOnly)
	}
}

func TestTheComposeFileTakesRightsAway(t *testing.T) {
	t.Parallel()
	service, err := composeService(t, token)
	require.NoError(t, err)
	require.True(t, service.ReadOnly)
	require.Len(t, service.Tmpfs, 1)
	require.True(t, strings.HasPrefix(service.Tmpfs[0], "/tmp:"), "SQLite sorts in files there")
	require.Equal(t, []string{"ALL"}, service.CapDrop)
	require.Empty(t, service.CapAdd)
	require.Equal(t, []string{"no-new-privileges:true"}, service.SecurityOpt)
	require.GreaterOrEqual(t, int64(service.MemLimit), int64(1<<30), "a burst of large bodies takes 600 MB")
	require.LessOrEqual(t, int64(service.MemLimit), int64(4<<30))
	for _, setting := range []string{"EVERHOOK_LISTEN", "EVERHOOK_ADMIN"} {
		_, port, err := net.SplitHostPort(*service.Environment[setting])
		require.NoError(t, err)
		number, err := strconv.Atoi(port)
		require.NoError(t, err)
		require.GreaterOrEqual(t, number, 1024, "lower ports need a capability")
	}
}

func TestHealthChecksOfContainersAreCommandsOfTheBinary(t *testing.T) {
	t.Parallel()
	service, err := composeService(t, token)
	require.NoError(t, err)
	require.Equal(t, types.HealthCheckTest{"CMD", "/everhook", "health"}, service.HealthCheck.Test)
	require.Contains(t, dockerfile(t), `CMD ["/everhook", "health"]`)
	require.True(t, variablesOf(t, "health")["EVERHOOK_LISTEN"], "the check asks the address that the server is given")
}

func dockerfile(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "Dockerfile"))
	require.NoError(t, err)
	return string(data)
}

func TestTheImageNamesAnyUser(t *testing.T) {
	t.Parallel()
	require.Contains(t, dockerfile(t), "\nENV USER=")
	require.Contains(t, dockerfile(t), "CGO_ENABLED=0", "with cgo the variable does not count")
}

func TestTheImageSetsWhatServeReads(t *testing.T) {
	t.Parallel()
	lines := regexp.MustCompile(`(?m)^ENV (.*)$`).FindStringSubmatch(dockerfile(t))
	require.Len(t, lines, 2)
	known := variablesOf(t, "serve")
	for setting := range strings.FieldsSeq(lines[1]) {
		name, _, _ := strings.Cut(setting, "=")
		require.True(t, known[name], "%s is no variable of serve", name)
	}
}
