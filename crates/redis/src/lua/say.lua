-- How those who listen are told: PUBLISH, or in a cluster SPUBLISH. A script that tells something is given the word last,
-- after the arguments that it names.
local say = ARGV[#ARGV]

