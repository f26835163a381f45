"""What the launcher of a Flex Template runs: the command line, whose words are the template's parameters."""

import sys

from beam_jobs.flex_template import launch

if __name__ == "__main__":
    sys.exit(launch())
