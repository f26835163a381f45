# Cloud Scheduler starts a Flex Template of Dataflow every day, which builds the oldest dump that is not built yet.
# No secret is kept anywhere: the scheduler signs in as a service account, and so do the workers.
#
# Dataflow refuses a second job of the same name while one runs, so a start that comes too early does no harm.

terraform {
  required_version = ">= 1.5"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 5.0, < 8.0"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region
}

locals {
  place = "gs://${var.bucket}"

  launch = {
    launchParameter = {
      jobName              = "cc100-new-dump"
      containerSpecGcsPath = "${local.place}/cc100.json"
      parameters = {
        sdk_container_image = var.image
        dump                = "new:${var.first_dump}"
        output              = "${local.place}/corpus/{dump}"
        lm_dir              = "${local.place}/models"
      }
      environment = {
        serviceAccountEmail = google_service_account.worker.email
        tempLocation        = "${local.place}/temp"
        stagingLocation     = "${local.place}/staging"
        machineType         = var.machine_type
        maxWorkers          = var.max_workers
      }
    }
  }
}

resource "google_service_account" "worker" {
  account_id   = "cc100-worker"
  display_name = "Workers of the CC-100 pipeline"
}

resource "google_service_account" "scheduler" {
  account_id   = "cc100-scheduler"
  display_name = "Starts the CC-100 pipeline"
}

resource "google_project_iam_member" "worker" {
  # roles/viewer: Google wants it for the launcher of a Flex Template, which runs as this account.
  for_each = toset(["roles/artifactregistry.reader", "roles/dataflow.worker", "roles/viewer"])

  project = var.project
  role    = each.value
  member  = google_service_account.worker.member
}

resource "google_storage_bucket_iam_member" "worker" {
  bucket = var.bucket
  role   = "roles/storage.objectAdmin"
  member = google_service_account.worker.member
}

resource "google_project_iam_member" "scheduler" {
  project = var.project
  role    = "roles/dataflow.developer"
  member  = google_service_account.scheduler.member
}

# Who starts a job must be allowed to act as its workers.
resource "google_service_account_iam_member" "scheduler_as_worker" {
  service_account_id = google_service_account.worker.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.scheduler.member
}

resource "google_cloud_scheduler_job" "new_dump" {
  name             = "cc100-new-dump"
  description      = "Builds the oldest dump of CommonCrawl that is not built yet"
  region           = var.region
  schedule         = var.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "180s"

  http_target {
    http_method = "POST"
    uri         = "https://dataflow.googleapis.com/v1b3/projects/${var.project}/locations/${var.region}/flexTemplates:launch"
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode(jsonencode(local.launch))

    oauth_token {
      service_account_email = google_service_account.scheduler.email
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }

  retry_config {
    retry_count = 0 # the next day's start is the retry
  }

  depends_on = [google_project_iam_member.scheduler, google_service_account_iam_member.scheduler_as_worker]
}
