// Blob events of the workspace account; read through Service Bus, so that they are retried and dead-lettered like everything else.
param location string
param tags object
param suffix string
param storageName string

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = { name: storageName }

resource topic 'Microsoft.EventGrid/systemTopics@2024-06-01-preview' = {
  name: 'evgt-exp-${suffix}'
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: { source: account.id, topicType: 'Microsoft.Storage.StorageAccounts' }
}

output name string = topic.name
output principalId string = topic.identity.principalId
