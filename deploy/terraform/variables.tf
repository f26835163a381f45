variable "project" {
  description = "The project of Google Cloud's that pays."
  type        = string
}

variable "region" {
  description = "Where the jobs run: that of the bucket."
  type        = string
}

variable "bucket" {
  description = "The name of a bucket that exists, with cc100.json (the template) and models/ in it; corpus/ is written."
  type        = string
}

variable "image" {
  description = "The image of docker/, in a registry that the workers may read."
  type        = string
  default     = "registry.example/cc100-pipeline:0.2.0"
}

variable "first_dump" {
  description = "None that is older than this one is built."
  type        = string
  default     = "CC-MAIN-2026-04"

  validation {
    condition     = can(regex("^CC-MAIN-[0-9]{4}-[0-9]{2}$", var.first_dump))
    error_message = "Give the name of a dump, such as CC-MAIN-2026-04."
  }
}

variable "schedule" {
  description = "When to look for a new dump, as cron has it, in UTC."
  type        = string
  default     = "0 6 * * *"
}

variable "machine_type" {
  description = "Of the workers."
  type        = string
  default     = "n2-highmem-4"
}

variable "max_workers" {
  description = "How many workers at most."
  type        = number
  default     = 100
}
