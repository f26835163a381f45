output "worker" {
  description = "The account of the workers: it must be able to read the image."
  value       = google_service_account.worker.email
}

output "start_now" {
  description = "The command that starts a run at once."
  value       = "gcloud scheduler jobs run ${google_cloud_scheduler_job.new_dump.name} --location ${var.region}"
}
